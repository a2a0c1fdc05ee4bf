#!/bin/bash
# Instance store, on machines that have it (families with a d, such as m6id), instead of the root volume: for images and
# the file systems of containers, so that scratch files of tasks are on local NVMe. Several devices become one (RAID 0).
# Its content goes with the machine, and the hardware encrypts it. ROOT is empty but in tests.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ssd-instance-store.html
set -euo pipefail

root=${ROOT:-}
scratch=/scratch
docker=/var/lib/docker
label=scratch

say() { echo "workflow-instance-store: $*" >&2; }

devices() { lsblk --nodeps --noheadings --paths --output NAME,MODEL | awk '/Amazon EC2 NVMe Instance Storage/ {print $1}'; }

# Without mdadm several devices cannot be joined: then the first alone is used.
joined() {
    if [ $# -gt 1 ] && { command -v mdadm >/dev/null || dnf install -y mdadm >&2; }; then
        mdadm --create /dev/md/scratch --run --force --level=0 --raid-devices=$# "$@" >&2
        echo /dev/md/scratch
    else
        echo "$1"
    fi
}

mapfile -t found < <(devices)
if [ ${#found[@]} -eq 0 ]; then
    say "none here"
    exit 0
fi
if mountpoint -q "$root$scratch"; then
    say "$scratch is mounted already"
    exit 0
fi
device=$(joined "${found[@]}")
mkfs.xfs -f -L "$label" "$device"
mkdir -p "$root$scratch" "$root$docker"
cat >>"$root/etc/fstab" <<TABLE
LABEL=$label $scratch xfs defaults,noatime,nofail 0 0
$scratch/docker $docker none bind,nofail,x-systemd.requires-mounts-for=$scratch 0 0
TABLE
# The ECS agent starts after this script, and brings its own image.
systemctl stop docker.socket docker.service
mount "$root$scratch"
mkdir -p "$root$scratch/docker"
chmod 710 "$root$scratch/docker"
mount "$root$docker"
systemctl start docker.service
say "${#found[@]} device(s) at $scratch, images and containers included"
