#!/bin/bash
# Functions for head jobs of Snakemake: what its parameters SNAKEFILE and OPTIONS mean.
set -euo pipefail

# Copy a Snakefile in S3 to the working directory, with what lies beside it: jobs look for it nowhere else. Where the
# folder is named `workflow`, as Snakemake recommends, what lies beside the folder comes too, such as `config`.
fetch_snakefile() {
    if [[ $snakefile != s3://* ]]; then return; fi
    snakefile=$(
        python - "$snakefile" <<'END'
import os
import sys

import boto3

MOST_FILES, MOST_BYTES = 1000, 100_000_000

bucket, _, key = sys.argv[1][len("s3://") :].partition("/")
folder, name = os.path.split(key)
if os.path.basename(folder) == "workflow":
    folder, name = os.path.dirname(folder), f"workflow/{name}"
prefix = f"{folder}/" if folder else ""
s3 = boto3.client("s3")
files, size = {}, 0
for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
    for one in page.get("Contents", ()):
        path = os.path.normpath(one["Key"][len(prefix) :])
        if not one["Key"].endswith("/") and not path.startswith(("..", "/")):
            files[path] = one
            size += one["Size"]
    if len(files) > MOST_FILES or size > MOST_BYTES:
        sys.exit(f"s3://{bucket}/{prefix} holds more than {MOST_FILES} files or {MOST_BYTES} bytes: give the workflow a folder of its own")
if name not in files:
    sys.exit(f"There is no Snakefile {sys.argv[1]}")
for path, one in files.items():
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    s3.download_file(bucket, one["Key"], path)
    moment = one["LastModified"].timestamp()  # a file that is the same is no reason to run a rule again
    os.utime(path, (moment, moment))
print(name)
END
    )
}

# Put the words of $1 into `arguments`: they are quoted as for a shell, but no shell reads them.
read_options() {
    local words
    if [ "$1" = none ]; then return; fi
    words=$(python -c 'import shlex, sys; print(*shlex.split(sys.argv[1]), sep="\n")' "$1")
    # shellcheck disable=SC2034  # for the script behind this one
    mapfile -t arguments <<<"$words"
}
