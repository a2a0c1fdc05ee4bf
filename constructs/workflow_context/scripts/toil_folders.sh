#!/bin/bash
# The folders of the machine that Toil binds into its jobs, for their work files: on the instance store where there is
# one. ROOT is empty but in tests.
set -euo pipefail

root=${ROOT:-}
for folder in toil cwl; do
    mkdir -p "$root/var/lib/$folder"
    if mountpoint -q "$root/scratch"; then
        mkdir -p "$root/scratch/$folder"
        echo "/scratch/$folder /var/lib/$folder none bind,nofail,x-systemd.requires-mounts-for=/scratch 0 0" >>"$root/etc/fstab"
        mount "$root/var/lib/$folder"
    fi
done
