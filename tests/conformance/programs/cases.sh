#!/bin/bash
# Cases of Nextflow's own tests, in place of `nextflow` in a head job: -c CONFIGURATION run PIPELINE … -params-file FILE.
# CONFORMANCE_CASES are lines of FOLDER and SCRIPT below the pipeline's folder; each is run as the suite runs it, with
# the configuration of the context, and leaves its exit code and what it said in the results.
set -uo pipefail

context=$(realpath "$2") pipeline=$4 parameters=
while [ $# -gt 0 ]; do
    if [ "$1" = -params-file ]; then parameters=$2; fi
    shift
done
results=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["outdir"])' "$parameters")
tests=$(dirname "$(realpath "$pipeline")")
export NXF_HOME=$PWD/home NXF_OFFLINE=true NXF_DISABLE_CHECK_LATEST=true NXF_ANSI_LOG=false
# Runs of a case are sessions of its own.
unset NXF_UUID NXF_IGNORE_RESUME_HISTORY
mkdir -p "$results" bin home
tar xf "$tests/suite.tar"
suite=$PWD/suite
printf '#!/bin/bash\nexec real-nextflow -c %q -c %q "$@"\n' "$context" "$suite/often.config" >bin/nextflow-here
chmod 755 bin/nextflow-here

run_case() {
    local name=$1 folder=$2 script=$3 code
    cd "$suite/$folder" || exit
    export NXF_CMD=$suite/../bin/nextflow-here NXF_SCRIPT=../../$name
    export NXF_RUN="$NXF_CMD -q run $NXF_SCRIPT"
    bash -ex -c "$script" >checks.out 2>&1
    code=$?
    {
        cat checks.out
        if [ "$code" != 0 ] && [ -f .nextflow.log ]; then grep -E 'ERROR|WARN|Caused' -A 15 .nextflow.log | tail -n 60; fi
    } >"$results/$name.out"
    echo "$code" >"$results/$name.code"
}

while IFS=$'\t' read -r name folder script; do
    run_case "$name" "$folder" "$script" </dev/null &
    while [ "$(jobs -rp | wc -l)" -ge "${CONFORMANCE_AT_ONCE:-4}" ]; do wait -n; done
done <"$tests/cases.tsv"
wait
