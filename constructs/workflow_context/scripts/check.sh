#!/bin/bash
# The beginning of every head job's program. With the only argument `check`, the job checks its context and ends.
set -euo pipefail

if [ "$#" = 1 ] && [ "$1" = check ]; then exec "${python:?}" -S -E "${folder:?}" check; fi
