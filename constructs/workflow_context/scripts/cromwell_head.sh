#!/bin/bash
# One Cromwell workflow in a head job: WORKFLOW INPUTS OUTPUTS. The entry point of the image broadinstitute/cromwell is a bash
# that starts java with arguments split at blanks; this script is its BASH_ENV, comes first, and takes its place.
unset BASH_ENV
set -euo pipefail

workflow=$1 inputs=$2 outputs=$3
cd "$(mktemp -d)"
printf '%s\n' "$CROMWELL_CONF" >cromwell.conf
# The scripts of a run's tasks have a folder of their own, by which its jobs are known: Cromwell gives them no tag. The
# log of the workflow, which Cromwell copies at the end, tells how it ended when AWS Batch has forgotten this job.
record=${WORKFLOW_RUN_RECORD:-}
cat >options.json <<EOF
{
  "aws_batch_job_role_arn": "$CROMWELL_TASK_ROLE",
  "aws_batch_script_bucket_prefix": "$CROMWELL_SCRIPTS${WORKFLOW_RUN_ID:+/$WORKFLOW_RUN_ID}",
  ${record:+"\"final_workflow_log_dir\": \"${record%/records/*}/logs/$WORKFLOW_RUN_ID\","}
  "final_workflow_outputs_dir": "${outputs%/}"
}
EOF
if [[ $workflow != *://* ]]; then
    files=$PWD
    mkdir workflow
    workflow=$(printf '%s' "$workflow" | base64 -d | tar xzv -C workflow | sed -n 1p) && [ -f "workflow/$workflow" ] || {
        echo "workflow is neither an address nor what this prints: tar cz main.wdl … | base64 -w 0" >&2
        exit 2
    }
    cd "$(dirname "workflow/$workflow")" # where Cromwell looks for imports
    workflow=$(basename "$workflow")
    mv "$files/cromwell.conf" "$files/options.json" .
fi
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
