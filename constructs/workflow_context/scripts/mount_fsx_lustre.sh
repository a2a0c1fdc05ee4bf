#!/bin/bash
# Amazon FSx for Lustre. Needs DNS_NAME and MOUNT_NAME.
# https://docs.aws.amazon.com/fsx/latest/LustreGuide/mounting-ec2-instance.html
device="${DNS_NAME:?}@tcp:/${MOUNT_NAME:?}"
type=lustre
options="_netdev,noatime,flock"

prepare() {
    if [ -x "${ROOT:-}/sbin/mount.lustre" ]; then return 0; fi
    dnf install -y lustre-client # Amazon's own package, by way of the S3 endpoint
}

attach() {
    mount "$1"
}

# Containers run as users of their own: like /tmp, all may write, and only the owner may delete.
settle() {
    chmod 1777 "$1"
}

host_mount "$device" "$type" "$options"
