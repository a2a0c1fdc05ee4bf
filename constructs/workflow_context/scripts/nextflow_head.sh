#!/bin/bash
# One Nextflow workflow in a head job: PIPELINE REVISION PROFILE PARAMETERS SESSION. It
# stands behind fetched.sh.
set -euo pipefail

pipeline=$1 revision=$2 profile=$3 parameters=$4 session=$5
cd "$(mktemp -d)"
pipeline=$(fetched "$pipeline" pipeline)
parameters=$(fetched "$parameters" parameters)
printf "%s\n" "$NEXTFLOW_CONFIG" >context.config
arguments=(-name "job-${AWS_BATCH_JOB_ID//:/-}-${AWS_BATCH_JOB_ATTEMPT:-1}")
# A session has the id of its first head job: that is what to give to resume it. A second attempt resumes by itself.
if [ "$session" = new ]; then
    session=${AWS_BATCH_JOB_ID%%:*}
    resume=$((${AWS_BATCH_JOB_ATTEMPT:-1} > 1))
else
    resume=1
fi
export NXF_UUID=$session
if [ "$resume" = 1 ]; then arguments+=(-resume "$session"); fi
if [ "$revision" != default ]; then arguments+=(-revision "$revision"); fi
if [ "$profile" != standard ]; then arguments+=(-profile "$profile"); fi
if [ "$parameters" != none ]; then arguments+=(-params-file "$parameters"); fi
exec nextflow -c context.config run "$pipeline" "${arguments[@]}"
