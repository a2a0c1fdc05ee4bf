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
    if [ "$1" = none ]; then return; fi
    # A word may hold blanks and lines: a zero byte ends it. The last one says that all were read.
    # shellcheck disable=SC2034  # for the script behind this one
    mapfile -d "" -t arguments < <("$python" -c 'import shlex, sys; print(*shlex.split(sys.argv[1]), "read", sep="\0", end="")' "$1")
    if [ "${arguments[*]: -1}" != read ]; then return 2; fi
    unset "arguments[-1]"
}
