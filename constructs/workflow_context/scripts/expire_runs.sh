#!/bin/sh
# Deletes the run directories of a shared file system in which nothing was written for a number of hours.
# A run directory is one two levels below the mount: /mnt/efs/miniwdl_run/<run>. A run that is still going writes its
# log, so it is never touched, however long it takes. Runs in busybox.
set -eu

mount_path=$1
hours=$2
minutes=$((hours * 60))

for run in "$mount_path"/*/*/; do
    [ -d "$run" ] || continue
    [ -L "${run%/}" ] && continue
    if [ -z "$(find "$run" -mmin "-$minutes" -print | head -n 1)" ]; then
        echo "deleting $run: nothing was written there for $hours hours"
        rm -rf -- "$run"
    fi
done
echo "done: $(df -h "$mount_path" | tail -n 1)"
