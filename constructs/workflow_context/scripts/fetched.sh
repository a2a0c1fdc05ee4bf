#!/bin/bash
# A function for head jobs: where an address is on this machine. It stands behind start_head.sh.
set -euo pipefail

# Print ADDRESS; one in S3 is copied to FOLDER first, with what lies beside it, and its path is printed.
fetched() {
    local address=$1 target=$2 name
    if [[ $address != s3://* ]]; then
        printf "%s\n" "$address"
        return
    fi
    mkdir -p "$target"
    target=$(cd "$target" && pwd -P)
    name=$(cd "$target" && "${python:?}" -S -E "${folder:?}" fetch "$address") || return
    printf "%s/%s\n" "$target" "$name"
}
