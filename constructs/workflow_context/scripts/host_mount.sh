#!/bin/bash
# Mounts the workflow file system before the ECS agent takes jobs. First of two parts: the second, for one kind, defines
# `prepare` (the client and its settings), `attach TARGET` (one attempt) and maybe `settle TARGET` (what to do once it is
# mounted), and ends with `host_mount DEVICE TYPE OPTIONS`. MOUNT_PATH is the directory; ROOT is empty but in tests.
set -euo pipefail

root=${ROOT:-}
target="$root${MOUNT_PATH:?}"
attempts=${MOUNT_ATTEMPTS:-10}

# To the log of cloud-init, and to the console, which can be read when the machine is gone.
say() {
    echo "workflow-mount: $*" >&2
    if [ -w "$root/dev/console" ]; then echo "workflow-mount: $*" >"$root/dev/console"; fi
}

# The agent starts only where the mount is, at this boot and at every later one, whatever becomes of this script.
guard_ecs() {
    local folder="$root/etc/systemd/system/ecs.service.d"
    mkdir -p "$folder"
    printf '[Service]\nExecStartPre=/usr/bin/mountpoint --quiet %s\n' "$target" >"$folder/workflow-mount.conf"
    systemctl daemon-reload
}

# Ten attempts with growing pauses take about six minutes.
with_retries() {
    local attempt pause=2
    for ((attempt = 1; attempt <= attempts; attempt++)); do
        if "$@"; then return 0; fi
        say "$1: attempt $attempt of $attempts failed"
        if [ "$attempt" -lt "$attempts" ]; then sleep "$pause"; fi
        pause=$((pause < 30 ? pause * 2 : 60))
    done
    return 1
}

# A machine without the file system would fail every job it is given, so it takes none and costs nothing for long.
give_up() {
    say "$1; this machine takes no jobs and shuts down in a minute"
    systemctl mask --runtime ecs.service || say "the ECS agent could not be masked"
    shutdown -h +1 "no workflow file system" || say "the machine could not be shut down"
    exit 1
}

# device, type, options
remember() {
    local table="$root/etc/fstab"
    if ! grep -qsF " $target " "$table"; then
        echo "$1 $target $2 $3,nofail 0 0" >>"$table"
    fi
}

# Without waiting: the agent starts when the other scripts of this boot are done.
start_ecs() {
    systemctl enable --now --no-block ecs.service
}

host_mount() {
    local device=$1 type=$2 options=$3
    guard_ecs
    if mountpoint -q "$target"; then
        say "$target is mounted already"
        start_ecs
        return 0
    fi
    mkdir -p "$target"
    with_retries prepare || give_up "the client of $type could not be made ready"
    remember "$device" "$type" "$options"
    with_retries attach "$target" || give_up "$device could not be mounted at $target"
    timeout 60 stat "$target" >/dev/null || give_up "$target is mounted but does not answer"
    if declare -F settle >/dev/null; then settle "$target" || give_up "$target could not be settled"; fi
    say "$device is mounted at $target"
    start_ecs
}
