#!/bin/bash
# Functions for head jobs of Snakemake: what its parameters SNAKEFILE and OPTIONS mean. It stands behind start_head.sh.
set -euo pipefail

# Copy a Snakefile in S3 to the working directory, with what lies beside it.
fetch_snakefile() {
    if [[ $snakefile != s3://* ]]; then return; fi
    snakefile=$("${python:?}" -S -E "${folder:?}" fetch "$snakefile")
}

# Put the words of $1 into `arguments`: they are quoted as for a shell, but no shell reads them.
read_options() {
    local words
    if [ "$1" = none ]; then return; fi
    words=$("$python" -c 'import shlex, sys; print(*shlex.split(sys.argv[1]), sep="\n")' "$1")
    # shellcheck disable=SC2034  # for the script behind this one
    mapfile -t arguments <<<"$words"
}
