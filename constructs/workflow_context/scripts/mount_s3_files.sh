#!/bin/bash
# Amazon S3 Files, by its access point; the client always uses TLS and the instance role. Needs FILE_SYSTEM_ID and
# ACCESS_POINT_ID. https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-files-mounting.html
device="${FILE_SYSTEM_ID:?}:/"
type=s3files
options="_netdev,accesspoint=${ACCESS_POINT_ID:?}"

# The client learned S3 Files in version 3, which is newer than the packages that an image is locked to.
prepare() {
    if [ -x "${ROOT:-}/sbin/mount.s3files" ]; then return 0; fi
    dnf install -y --releasever=latest 'amazon-efs-utils >= 3'
}

attach() {
    mount "$1"
}

host_mount "$device" "$type" "$options"
