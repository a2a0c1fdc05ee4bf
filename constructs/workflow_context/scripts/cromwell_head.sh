#!/bin/bash
# One Cromwell workflow in a head job: WORKFLOW INPUTS. The entry point of the image broadinstitute/cromwell is a bash
# that starts java with arguments split at blanks; this script is its BASH_ENV, comes first, and takes its place.
unset BASH_ENV
set -euo pipefail

workflow=$1 inputs=$2
cd "$(mktemp -d)"
printf '%s\n' "$CROMWELL_CONF" >cromwell.conf
printf '%s\n' "$CROMWELL_OPTIONS" >options.json
printf '%s\n' "$inputs" >inputs.json
exec java -Xmx3g -Dconfig.file=cromwell.conf -jar /app/cromwell.jar \
    run "$workflow" --inputs inputs.json --options options.json
