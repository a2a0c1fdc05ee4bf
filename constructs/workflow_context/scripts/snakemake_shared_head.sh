#!/bin/bash
# One Snakemake workflow in a head job, in a directory that all jobs share: SNAKEFILE DIRECTORY JOBS OPTIONS.
# It stands behind front_end.sh and snakemake_sources.sh.
set -euo pipefail

snakefile=$1 directory=$2 jobs=$3 options=$4 arguments=()
# Where the file system gives jobs no user, images act as users of their own, and write to directories made here.
umask 0
mkdir -p "$XDG_CACHE_HOME"
enter_run "$directory"
# A run is a directory: a new head job for it goes on with what is there.
WORKFLOW_RUN=$(pwd -P) WORKFLOW_STATUS_DIR=${folder:?}/status
export WORKFLOW_RUN WORKFLOW_STATUS_DIR
mkdir "$WORKFLOW_STATUS_DIR"
install_front_end
left=$(qdel --begin)
if [ -n "$left" ]; then
    echo "$left"
    rm -rf .snakemake/locks # of a process that is gone
fi
fetch_snakefile
read_options "$options"

# Snakemake that shall end waits for its tasks, so they are ended.
stop_engine() {
    kill -TERM "${engine:?}" || true
    qdel --run || true
}

# Tasks are told nothing of PYTHONPATH: it is where Snakemake finds the plugin.
PYTHONPATH=$folder/plugins${PYTHONPATH:+:$PYTHONPATH} run_engine snakemake --snakefile "$snakefile" \
    --executor cluster-generic --cluster-generic-submit-cmd qsub --cluster-generic-cancel-cmd qdel \
    --cluster-generic-status-cmd "bash $folder/job_status.sh" --cluster-generic-cancel-nargs 1000 \
    --shared-fs-usage persistence input-output software-deployment sources source-cache \
    --conda-prefix "$WORKFLOW_HOME/conda" --latency-wait 60 --rerun-incomplete \
    --max-status-checks-per-second 100 --jobs "$jobs" "${arguments[@]}"
