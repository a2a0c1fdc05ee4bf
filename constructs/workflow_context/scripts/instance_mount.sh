#!/bin/bash
# Mounts the workflow file system on an instance that has other work too. First of two parts, like host_mount.sh: the
# second defines `prepare`, `attach TARGET` and maybe `settle TARGET`, and ends with `host_mount DEVICE TYPE OPTIONS`.
# Where it cannot be mounted, it says so and ends with 1; nothing on the instance is stopped. MOUNT_PATH is the directory;
# READ_ONLY is empty, or not; ROOT is empty but in tests.
set -euo pipefail

root=${ROOT:-}
target="$root${MOUNT_PATH:?}"
attempts=${MOUNT_ATTEMPTS:-10}

say() {
    echo "workflow-mount: $*" >&2
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

give_up() {
    say "$1"
    exit 1
}

# device, type, options
remember() {
    local table="$root/etc/fstab"
    if ! grep -qsF " $target " "$table"; then
        echo "$1 $target $2 $3,nofail 0 0" >>"$table"
    fi
}

host_mount() {
    local device=$1 type=$2 options=$3${READ_ONLY:+,ro}
    if mountpoint -q "$target"; then
        say "$target is mounted already"
        return 0
    fi
    mkdir -p "$target"
    with_retries prepare || give_up "the client of $type could not be made ready"
    remember "$device" "$type" "$options"
    with_retries attach "$target" || give_up "$device could not be mounted at $target"
    if [ -z "${READ_ONLY:-}" ] && declare -F settle >/dev/null; then
        settle "$target" || give_up "$target could not be settled"
    fi
    say "$device is mounted at $target"
}
