#!/bin/sh
# Deletes runs that ended and in which nothing was written for some hours: MOUNT_PATH HOURS ROOT MARKERS REUSE.
# A run is a directory in ROOT, a path below the mount. The engine marks one that ended by one of the files MARKERS
# (names, comma-separated). What has no marker is no run, or one that may still be going, however silent: it stays.
# Unless runs keep "apart", nothing is deleted while one may be going, for it may read what a cache found in another.
# Runs in busybox.
set -u

mount_path=$1 hours=$2 root=$1/$3 markers=$4 reuse=$5
case $hours in
'' | 0* | *[!0-9]*)
    echo "the hours must be a whole number and at least 1, got '$hours'" >&2
    exit 2
    ;;
esac
longest=20160 # minutes: no head job is allowed more than 14 days
failed=0

# Say in $answer whether nothing below a directory was written for some minutes: "old" only if find looked everywhere.
look() {
    answer=$(find "$1" -xdev -mmin "-$2" -print -quit 2>/dev/null && echo old)
}

is_run() {
    case ${1##*/} in _* | .*) return 1 ;; esac
    [ -d "$1" ] && [ ! -L "$1" ]
}

has_ended() {
    rest=$markers,
    while [ -n "$rest" ]; do
        if [ -f "$1/${rest%%,*}" ] && [ ! -L "$1/${rest%%,*}" ]; then return 0; fi
        rest=${rest#*,}
    done
    return 1
}

# A run that may be going: it has no marker, and was written to within the time that a head job may take.
one_is_going() {
    if [ "$reuse" = apart ]; then return 1; fi
    for other in "$root"/*; do
        if is_run "$other" && ! has_ended "$other"; then
            look "$other" "$longest"
            if [ "$answer" != old ]; then return 0; fi
        fi
    done
    return 1
}

# No component of the root may lead elsewhere.
rest=$3/ path=$mount_path
while [ -n "$rest" ]; do
    path=$path/${rest%%/*}
    rest=${rest#*/}
    if [ -L "$path" ] || [ ! -d "$path" ]; then
        echo "done: $path is not a directory of this file system"
        exit 0
    fi
done

# What an earlier pass had moved aside when it was stopped is looked at like everything else.
for aside in "$root"/.expired-*; do
    run=$root/${aside##*/.expired-}
    if [ -d "$aside" ] && [ ! -L "$aside" ] && [ ! -e "$run" ] && [ ! -L "$run" ]; then mv -- "$aside" "$run"; fi
done

for run in "$root"/*; do
    if ! is_run "$run" || ! has_ended "$run"; then continue; fi
    look "$run" $((hours * 60))
    if [ "$answer" != old ]; then continue; fi
    if one_is_going; then
        echo "kept: $run, because $other may be going"
        break
    fi
    aside=$root/.expired-${run##*/}
    if [ -e "$aside" ] || [ -L "$aside" ] || ! mv -- "$run" "$aside"; then
        echo "cannot move $run aside" >&2
        failed=1
        continue
    fi
    # Nothing can begin to use it now; what did before is seen by a second look.
    look "$aside" $((hours * 60))
    if [ "$answer" != old ] || ! has_ended "$aside" || one_is_going; then
        echo "kept: $run, which is in use again"
        if [ -e "$run" ] || ! mv -- "$aside" "$run"; then failed=1; fi
        continue
    fi
    echo "deleting $run: it ended, and nothing was written there for $hours hours"
    find "$aside" -xdev -type d ! -perm -700 -exec chmod u+rwx {} + 2>/dev/null
    if ! rm -rf -- "$aside"; then
        echo "cannot delete all of $run" >&2
        failed=1
    fi
done
echo "done: $(df -h "$mount_path" | tail -n 1)"
exit "$failed"
