#!/bin/bash
# The status of job $1 as `qstat --status` prints it: running, success or failed. Snakemake asks for each job by itself, so
# qstat runs only when the last poll of AWS Batch (`polled`, in seconds) is too old, and for a failed job, to print why.
set -euo pipefail

status='' polled=0
read -r status 2>/dev/null <"$WORKFLOW_STATUS_DIR/$1" || true
if [ "$status" = success ]; then
    echo success
    exit
fi
read -r polled 2>/dev/null <"$WORKFLOW_STATUS_DIR/polled" || true
printf -v now '%(%s)T' -1
# A poll in the future was written by a clock that has been set back since.
if [ -z "$status" ] && ((now >= polled && now - polled < ${WORKFLOW_FRESH_SECONDS:-10})); then
    echo running
else
    exec qstat --status "$1"
fi
