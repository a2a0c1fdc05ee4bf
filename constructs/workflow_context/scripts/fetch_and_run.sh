#!/bin/bash
# What Cromwell starts in the container of a task: the script at BATCH_FILE_S3_URL. AWS is the command, but in tests
# that of the AWS CLI that Cromwell binds into the container.
set -euo pipefail

aws=${AWS:-/usr/local/aws-cli/v2/current/bin/aws}
script=$(mktemp)
for ((attempt = 1; attempt <= 5; attempt++)); do
    if "$aws" s3 cp --no-progress "${BATCH_FILE_S3_URL:?}" "$script"; then exec /bin/bash "$script"; fi
    echo "attempt $attempt of 5 to fetch $BATCH_FILE_S3_URL failed" >&2
    sleep $((7 * attempt))
done
exit 1
