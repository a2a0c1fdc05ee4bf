#!/bin/bash
# Unpacks what FRONT_END carries, and goes on with the script of the engine in there (front_end.sh and its own).
# No single quote may stand below: the entry point of the image nextflow/nextflow puts each argument in a pair of them.
set -euo pipefail

python=$(command -v python3 || command -v /usr/libexec/platform-python) || {
    echo "The image of the head job has no python3, which qsub, qstat and qdel need" >&2
    exit 3
}
folder=$(mktemp -d)
"$python" -c "import base64, json, lzma, os, sys
files = json.loads(lzma.decompress(base64.b85decode(os.environ[\"FRONT_END\"])))
for name, text in files.items():
    path = os.path.join(sys.argv[1], name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, \"w\", encoding=\"utf-8\") as file:
        file.write(text)" "$folder"
unset FRONT_END
# shellcheck source=/dev/null
. "$folder/head.sh"
