#!/bin/bash
# One Nextflow workflow in a head job, in a directory that all jobs share: PIPELINE REVISION PROFILE PARAMETERS SESSION.
# It stands behind front_end.sh and fetched.sh.
set -euo pipefail

pipeline=$1 revision=$2 profile=$3 parameters=$4 session=$5
install_front_end
arguments=(-name "job-${AWS_BATCH_JOB_ID//:/-}-${AWS_BATCH_JOB_ATTEMPT:-1}")
# A session has the id of its first head job: that is what to give to resume it. A second attempt resumes by itself.
if [ "$session" = new ]; then
    session=${AWS_BATCH_JOB_ID%%:*}
    resume=$((${AWS_BATCH_JOB_ATTEMPT:-1} > 1))
else
    resume=1
fi
export NXF_UUID=$session WORKFLOW_RUN=$session
# Where the file system gives jobs no user, images act as users of their own, and write to directories made here.
umask 0
enter_run "$WORKFLOW_HOME/runs/$session"
pipeline=$(fetched "$pipeline" pipeline)
parameters=$(fetched "$parameters" parameters)
printf "%s\n" "$NEXTFLOW_CONFIG" >context.config
qdel --begin # ends what a head job that was killed left running: no task runs beside its second self
index=.nextflow/cache/$session/db/LOCK
if [ "$resume" = 1 ]; then
    arguments+=(-resume "$session")
    # A machine that went holds its locks until the file system misses it, and Nextflow does not wait for that.
    if [ -e "$index" ]; then
        timeout 300 "${python:?}" -c "import fcntl, sys; fcntl.lockf(open(sys.argv[1], \"r+\"), fcntl.LOCK_EX)" "$index" ||
            echo "$index stays locked" >&2
    fi
fi
if [ "$revision" != default ]; then arguments+=(-revision "$revision"); fi
if [ "$profile" != standard ]; then arguments+=(-profile "$profile"); fi
if [ "$parameters" != none ]; then arguments+=(-params-file "$parameters"); fi
run_engine nextflow -c context.config run "$pipeline" "${arguments[@]}"
