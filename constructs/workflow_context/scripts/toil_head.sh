#!/bin/bash
# One Toil workflow in a head job: LANGUAGE WORKFLOW INPUTS JOBSTORE. TOIL_JOB_STORE begins the names of job stores, and
# TOIL_OUTPUTS is where results go.
set -euo pipefail

language=$1 workflow=$2 inputs=$3 store=$4
cd "$(mktemp -d)"
if [ "${inputs:0:1}" = "{" ]; then
    printf '%s\n' "$inputs" >inputs.json
    inputs=inputs.json
fi
options=(--batchSystem aws_batch --retryCount 3)
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
    wdl) exec toil-wdl-runner "${options[@]}" --jobStore "$store" --outputDirectory "$TOIL_OUTPUTS" "$workflow" "$inputs" ;;
    cwl) exec toil-cwl-runner "${options[@]}" --jobStore "$store" --destBucket "$TOIL_OUTPUTS" "$workflow" "$inputs" ;;
    *) echo "the language is '$language'; it must be wdl or cwl" >&2 && exit 2 ;;
esac
