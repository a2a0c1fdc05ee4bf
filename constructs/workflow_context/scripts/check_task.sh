#!/bin/sh
# What a task job of a check does: MOUNT FOLDER OWNERS CLIENT ADDRESS, each empty where tasks of the engine have
# none. FOLDER is where the head job has written, OWNERS whether owners can be changed there, CLIENT the AWS CLI of the machine, ADDRESS a folder in S3.
# It prints `@check STEP STATE MESSAGE`, a line for each step.
mount=$1 folder=$2 owners=$3 client=$4 address=$5

say() { printf '@check %s %s %s\n' "$1" "$2" "$(printf %s "$3" | tr '\n' ' ')"; }

try() {
    step=$1
    shift
    if said=$("$@" 2>&1); then say "$step" ok "$said"; else say "$step" failed "$said"; fi
}

mounted() {
    cut -d ' ' -f 5 /proc/self/mountinfo | grep -qxF "$mount" && return
    echo "nothing is mounted at $mount"
    return 1
}

# The file of the head job is there as soon as the file system knows of it, on every machine.
shared() {
    test "$(cat "$folder/head")" = head || return
    echo task >"$folder/task"
}

owner() {
    echo owner >"$folder/task-owner" && chown "$(id -u):$(id -g)" "$folder/task-owner"
}

copied() {
    echo task >/tmp/check-task
    "$client" s3 cp --only-show-errors /tmp/check-task "$address/task" &&
        "$client" s3 cp --only-show-errors "$address/task" /tmp/check-task-again &&
        cmp /tmp/check-task /tmp/check-task-again
}

say task-start ok "user $(id -u)"
if [ -n "$mount" ]; then
    try task-mount mounted
    try task-write shared
    if [ -n "$owners" ]; then try task-owner owner; fi
fi
if [ -n "$client" ]; then try task-s3 copied; fi
