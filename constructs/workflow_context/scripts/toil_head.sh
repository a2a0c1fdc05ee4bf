#!/bin/bash
# One Toil workflow in a head job: LANGUAGE WORKFLOW INPUTS OUTPUTS JOBSTORE. TOIL_JOB_STORE begins the names of job
# stores. It stands behind fetched.sh.
set -euo pipefail

language=$1 workflow=$2 inputs=$3 outputs=${4%/} store=$5
cd "$(mktemp -d)"
workflow=$(fetched "$workflow" workflow)
if [ "${inputs:0:1}" = "{" ]; then
    printf '%s\n' "$inputs" >inputs.json
    inputs=inputs.json
elif [[ $language = wdl && $inputs = s3://* ]]; then
    # Uploaded files come as files: Toil 9.6.0 finds no directory for a File of WDL at an s3:// address, since Python's
    # urljoin knows no such scheme.
    inputs=$("${python:?}" -S -E "${folder:?}" localize "$inputs" "$PWD/inputs")
else
    inputs=$(fetched "$inputs" inputs)
fi
# Tasks of one machine share its /var/lib/toil, where the last one to end deletes what the others left. They know who
# that is by locks, which must be there too: Toil's choice, /run/lock, is one of each container's own.
mkdir -p /var/lib/toil
options=(--batchSystem aws_batch --retryCount 3 --workDir /var/lib/toil --coordinationDir /var/lib/toil)
# A job store has the name of its first head job. A second attempt goes on with it by itself.
if [ "$store" = new ]; then
    id=${AWS_BATCH_JOB_ID//[^0-9a-f]/}
    store=$TOIL_JOB_STORE-${id:0:28}
    restart=$((${AWS_BATCH_JOB_ATTEMPT:-1} > 1))
else
    restart=1
fi
if [ "$restart" = 1 ]; then options+=(--restart); fi
echo "The job store is $store: what to give to a new head job when this one ends early."
case $language in
    wdl) command=(toil-wdl-runner "${options[@]}" --jobStore "$store" --outputDirectory "$outputs") ;;
    cwl) command=(toil-cwl-runner "${options[@]}" --jobStore "$store" --destBucket "$outputs") ;;
    *) echo "the language is '$language'; it must be wdl or cwl" >&2 && exit 2 ;;
esac
# The run by which `workflow-context` knows the jobs of it: Toil gives its jobs no other tag.
export TOIL_OWNER_TAG=${TOIL_OWNER_TAG:-${WORKFLOW_RUN_ID:-}}
if [ -z "$TOIL_OWNER_TAG" ]; then unset TOIL_OWNER_TAG; fi
exec "${python:?}" -E "${folder:?}" run-apart "$outputs/outputs.json" "${command[@]}" "$workflow" "$inputs"
