#!/bin/bash
# Starts a head job: fetches the program of its engine, unpacks it, and goes on with head.sh in there (BASH_ENV).
unset BASH_ENV
set -euo pipefail

# To an entry point of an image, the whole command is arguments: bash -c : head PARAMETERS
if [ "${1:-}" = bash ]; then shift 4; fi
python=$(command -v python3 || command -v /usr/libexec/platform-python) || {
    echo "The image of the head job has no python3, which starts it" >&2
    exit 3
}
folder=$(mktemp -d)
"$python" -c "$FETCH_PROGRAM" "$WORKFLOW_PROGRAM" "$folder"
unset START_HEAD FETCH_PROGRAM WORKFLOW_PROGRAM
# shellcheck source=/dev/null
. "$folder/head.sh"
# The script of an engine ends with it; were it to return, the entry point would go on.
exit
