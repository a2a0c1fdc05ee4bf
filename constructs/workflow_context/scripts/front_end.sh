#!/bin/bash
# Functions for head jobs of engines that speak to AWS Batch as to a PBS cluster. It stands behind start_head.sh.
set -euo pipefail

# Put qsub, qstat and qdel on PATH. PYTHON and FOLDER are of start_head.sh.
install_front_end() {
    local name
    mkdir "${folder:?}/bin"
    for name in qsub qstat qdel; do
        # By the standard library alone: it starts sooner.
        printf "#!/bin/sh\nexec %q -S -E %q %s \"\$@\"\n" "${python:?}" "$folder" "$name" >"$folder/bin/$name"
        chmod 755 "$folder/bin/$name"
    done
    export PATH=$folder/bin:$PATH
    mkdir -p "$WORKFLOW_STATE"
}

# The mark of a run that ended: expire_runs.sh deletes no other.
end_mark=.workflow-ended

# Go to DIRECTORY, that of the run. It bears no mark while the run is going.
enter_run() {
    mkdir -p "$1"
    cd "$1"
    rm -f "$end_mark"
    # What is deleted is moved aside first.
    if [ ! "$PWD" -ef . ]; then
        echo "$PWD is just being deleted, long after its end; submit the job again" >&2
        exit 1
    fi
}

stop_engine() { kill -TERM "$engine" || true; }

# Run the engine in the directory of the run; when it is gone, whatever became of it, end what it left running, tidy up,
# and mark the run as ended.
run_engine() {
    local code=0
    "$@" &
    engine=$!
    trap stop_engine TERM INT
    while true; do
        wait "$engine" && code=0 || code=$?
        kill -0 "$engine" 2>/dev/null || break
    done
    trap "" TERM INT
    if qdel --run --definitions; then
        echo "$code" >"$end_mark"
    else
        echo "Jobs or job definitions of this run may be left" >&2
    fi
    exit "$code"
}
