#!/bin/bash
# One Cromwell workflow in a head job: WORKFLOW INPUTS. The entry point of the image broadinstitute/cromwell is a bash
# that starts java with arguments split at blanks; this script is its BASH_ENV, comes first, and takes its place.
unset BASH_ENV
set -euo pipefail

workflow=$1 inputs=$2
cd "$(mktemp -d)"
printf '%s\n' "$CROMWELL_CONF" >cromwell.conf
printf '%s\n' "$CROMWELL_OPTIONS" >options.json
if [ "${inputs:0:1}" = "{" ]; then
    printf '%s\n' "$inputs" >inputs.json
else
    printf '%s' "$inputs" | base64 -d | gzip -d >inputs.json || {
        echo "inputs is neither JSON nor what this prints: gzip -9 <inputs.json | base64 -w 0" >&2
        exit 2
    }
fi
# As the image's own entry point: Akka reads this package of Java to check the names of HTTPS hosts.
exec java --add-opens=java.base/sun.security.util=ALL-UNNAMED -Xmx3g -Dconfig.file=cromwell.conf -jar /app/cromwell.jar \
    run "$workflow" --inputs inputs.json --options options.json
