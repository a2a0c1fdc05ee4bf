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
if ! python -c "import snakemake_executor_plugin_aws_batch, snakemake_storage_plugin_s3" 2>/dev/null; then
    # shellcheck disable=SC2086  # words
    python -m pip install --quiet --no-cache-dir --disable-pip-version-check $SNAKEMAKE_PLUGINS
fi
# The storage plugin deletes a bucket that it finds empty, after it removed the last file of a run.
python -c "import sys, boto3
bucket, _, key = sys.argv[1][len(\"s3://\") :].partition(\"/\")
boto3.client(\"s3\").put_object(Bucket=bucket, Key=f\"{key}/.keep\", Body=b\"\")" "$WORKFLOW_HOME"
exec snakemake --snakefile "$snakefile" "$@" --jobs "$jobs" "${arguments[@]}"
