#!/bin/bash
# One Snakemake workflow in a head job whose tasks find their files in S3: SNAKEFILE DIRECTORY JOBS OPTIONS, then what
# Snakemake is told of the context. It stands behind snakemake_sources.sh.
set -euo pipefail

snakefile=$1 directory=$2 jobs=$3 options=$4 arguments=()
shift 4
mkdir -p "$directory"
cd "$directory"
fetch_snakefile
read_options "$options"
exec snakemake --snakefile "$snakefile" "$@" --jobs "$jobs" "${arguments[@]}"
