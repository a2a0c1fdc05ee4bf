#!/bin/bash
# Amazon EFS, by its access point, with TLS and the instance role. Needs FILE_SYSTEM_ID and ACCESS_POINT_ID;
# MOUNT_TARGET_IPS are tried where the name of the file system does not resolve.
# https://docs.aws.amazon.com/efs/latest/ug/mounting-access-points.html
device="${FILE_SYSTEM_ID:?}:/"
type=efs
# noresvport: after a network failure the client comes back by another port, instead of hanging.
options="_netdev,noresvport,tls,iam,accesspoint=${ACCESS_POINT_ID:?}"

prepare() {
    if [ -x "${ROOT:-}/sbin/mount.efs" ]; then return 0; fi # the image for ECS has it
    dnf install -y amazon-efs-utils
}

attach() {
    if mount "$1"; then return 0; fi
    local ip
    for ip in ${MOUNT_TARGET_IPS:-}; do
        if mount -t "$type" -o "$options,mounttargetip=$ip" "$device" "$1"; then return 0; fi
    done
    return 1
}

host_mount "$device" "$type" "$options"
