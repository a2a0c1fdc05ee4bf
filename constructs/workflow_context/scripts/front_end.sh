#!/bin/bash
# Functions for head jobs of engines that speak to AWS Batch as to a PBS cluster. FRONT_END is the program, as text.
# No single quote may stand below: the entry point of the image nextflow/nextflow puts each argument in a pair of them.
set -euo pipefail

# Put qsub, qstat and qdel on PATH.
install_front_end() {
    local folder python name
    python=$(command -v python3 || command -v /usr/libexec/platform-python) || {
        echo "The image of the head job has no python3, which qsub, qstat and qdel need" >&2
        exit 3
    }
    folder=$(mktemp -d)
    printf "%s" "$FRONT_END" | base64 -d >"$folder/packed"
    "$python" -c "import sys, zlib; sys.stdout.buffer.write(zlib.decompress(open(sys.argv[1], \"rb\").read()))" \
        "$folder/packed" >"$folder/front-end.pyz"
    for name in qsub qstat qdel; do
        printf "#!/bin/sh\nexec %q %q %s \"\$@\"\n" "$python" "$folder/front-end.pyz" "$name" >"$folder/$name"
        chmod 755 "$folder/$name"
    done
    export PATH=$folder:$PATH
    unset FRONT_END
    mkdir -p "$WORKFLOW_STATE"
}

stop_engine() { kill -TERM "$engine" || true; }

# Run the engine; when it is gone, whatever became of it, end what it left running and tidy up.
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
    qdel --run --definitions || echo "Jobs or job definitions of this run may be left" >&2
    exit "$code"
}
