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
    "$python" -c "import base64, lzma, os, sys
sys.stdout.buffer.write(lzma.decompress(base64.b85decode(os.environ[\"FRONT_END\"])))" >"$folder/front-end.pyz"
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
