#!/bin/bash
# Settings of the ECS agent on the instances of a context; AWS Batch adds the cluster's name.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-agent-config.html
set -euo pipefail

config=${ECS_CONFIG_FILE:-/etc/ecs/ecs.config}
mkdir -p "$(dirname "$config")"
# Large images of bioinformatics tools take longer than the agent's default of four minutes to unpack.
# An image is pulled once by an instance, since a scatter runs it hundreds of times and registries limit pulls; those
# that nothing runs are deleted, which `prefer-cached` would never do.
cat >>"$config" <<'SETTINGS'
ECS_CONTAINER_CREATE_TIMEOUT=10m
ECS_CONTAINER_START_TIMEOUT=10m
ECS_CONTAINER_STOP_TIMEOUT=2m
ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE=true
ECS_ENABLE_SPOT_INSTANCE_DRAINING=true
ECS_IMAGE_PULL_BEHAVIOR=once
SETTINGS
