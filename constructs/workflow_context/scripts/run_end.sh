#!/bin/bash
# The run that a head job is of has a record in S3. How it ended is noted beside that, since AWS Batch forgets jobs after
# some days. This stands before the script of the engine, which then runs in a process of its own.
set -euo pipefail

if [ -n "${WORKFLOW_RUN_RECORD:-}" ]; then
    record=$WORKFLOW_RUN_RECORD head="" told=no code=0
    unset WORKFLOW_RUN_RECORD
    # An attempt whose machine went may have noted an end, and was none.
    if [ "${AWS_BATCH_JOB_ATTEMPT:-1}" -gt 1 ]; then
        "${python:?}" -S -E "${folder:?}" begin-run "$record" || true # it says what is wrong
    fi
    trap 'told=yes; if [ -n "$head" ]; then kill -TERM "$head" || true; fi' TERM
    # shellcheck source=/dev/null
    (. "${folder:?}/head.sh") &
    head=$!
    if [ "$told" = yes ]; then kill -TERM "$head" || true; fi
    while true; do
        wait "$head" && code=0 || code=$?
        kill -0 "$head" 2>/dev/null || break
    done
    trap "" TERM
    "${python:?}" -S -E "$folder" end-run "$record" "$code" "$told" || true # what became of the engine is what counts
    exit "$code"
fi
