#!/bin/bash
# Stops this machine when no session of Session Manager was open for IDLE_MINUTES minutes; a timer runs it every five.
# Each open session is a process `ssm-session-worker` of the agent. ROOT is empty but in tests.
set -euo pipefail

seen=${ROOT:-}/run/workflow-session-seen # gone at each boot, so that the time counts from there

if [ ! -e "$seen" ] || pgrep -f '/ssm-session-worker( |$)' >/dev/null; then
    touch "$seen"
    exit 0
fi
idle_minutes=$((($(date +%s) - $(stat -c %Y "$seen")) / 60))
if [ "$idle_minutes" -ge "${IDLE_MINUTES:?}" ]; then
    echo "workflow-idle: no session for $idle_minutes minutes; this machine stops" >&2
    shutdown -h now
fi
