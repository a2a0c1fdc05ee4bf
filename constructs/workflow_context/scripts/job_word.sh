#!/bin/bash
# How the job $1 is, in one word, as `qstat --word` says it. Snakemake asks for each job alone: qstat is asked only when
# what it heard last (`asked`, in seconds) is old, and for a job that failed, of which it says why.
set -euo pipefail

word='' asked=0
read -r word 2>/dev/null <"$WORKFLOW_WORDS/$1" || true
if [ "$word" = success ]; then
    echo success
    exit
fi
read -r asked 2>/dev/null <"$WORKFLOW_WORDS/asked" || true
printf -v now '%(%s)T' -1
if [ -z "$word" ] && ((now - asked < ${WORKFLOW_FRESH_SECONDS:-10})); then
    echo running
else
    exec qstat --word "$1"
fi
