#!/bin/bash
# Sets up the timer that stops an idle machine, at this boot and at later ones. Needs IDLE_MINUTES and IDLE_STOP, the
# path of the script that it runs. ROOT is empty but in tests.
set -euo pipefail

units=${ROOT:-}/etc/systemd/system
mkdir -p "$units"
cat >"$units/workflow-idle.service" <<UNIT
[Unit]
Description=Stop this machine when nobody has used it for ${IDLE_MINUTES:?} minutes

[Service]
Type=oneshot
Environment=IDLE_MINUTES=$IDLE_MINUTES
ExecStart=${IDLE_STOP:?}
UNIT
cat >"$units/workflow-idle.timer" <<UNIT
[Unit]
Description=Look every five minutes whether this machine is in use

[Timer]
OnBootSec=1min
OnUnitActiveSec=5min

[Install]
WantedBy=timers.target
UNIT
systemctl daemon-reload
systemctl enable --now workflow-idle.timer
