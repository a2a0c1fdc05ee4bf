#!/bin/bash
# One miniwdl workflow in a head job: WORKFLOW INPUTS OUTPUTS DIRECTORY. It stands behind fetched.sh.
set -euo pipefail

workflow=$1 inputs=$2 outputs=$3 directory=$4
sources=$(mktemp -d)
workflow=$(fetched "$workflow" "$sources/workflow")
if [[ $inputs == s3://* ]]; then
    inputs=$("${python:?}" -S -E "${folder:?}" localize "$inputs" "$directory/_INPUTS")
fi
export PYTHONPATH=${folder:?}/miniwdl${PYTHONPATH:+:$PYTHONPATH}
exec miniwdl-run-s3upload "$workflow" --input "$inputs" --dir "$directory" --s3upload "$outputs"
