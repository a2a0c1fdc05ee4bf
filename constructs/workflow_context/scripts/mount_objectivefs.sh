#!/bin/bash
# ObjectiveFS, a FUSE process on this machine over a bucket. Needs BUCKET, REGION, CACHE_SIZE, PACKAGE_URI,
# LICENSE_SECRET and PASSPHRASE_SECRET: the secrets are read with the instance role, and stay in files of root.
# https://objectivefs.com/userguide
device="s3://${BUCKET:?}/workflow"
type=objectivefs
options="auto,_netdev,noatime,nodiratime"
settings="${ROOT:-}/etc/objectivefs.env"

setting() {
    (umask 077 && mkdir -p "$settings" && printf '%s' "$2" >"$settings/$1")
}

install_client() {
    if ! command -v aws >/dev/null && ! dnf install -y awscli-2; then return 1; fi
    if [ -x "${ROOT:-}/sbin/mount.objectivefs" ]; then return 0; fi
    local package="${ROOT:-}/var/tmp/objectivefs.rpm"
    mkdir -p "${ROOT:-}/var/tmp"
    aws s3 cp --only-show-errors "${PACKAGE_URI//\{arch\}/$(uname -m)}" "$package" && dnf install -y fuse "$package"
}

# setting, secret
fetch() {
    local value
    if ! value=$(aws secretsmanager get-secret-value --region "$REGION" --secret-id "$2" \
        --query SecretString --output text); then
        say "the secret $2 cannot be read with the instance role"
        return 1
    fi
    if [ -z "$value" ] || [ "$value" = None ]; then
        say "the secret $2 holds no text"
        return 1
    fi
    setting "$1" "$value"
}

# The first machine makes the file system: that of a head job, before any task is submitted.
make_file_system() {
    local answer
    if [ -n "${READ_ONLY:-}" ]; then return 0; fi
    if answer=$(mount.objectivefs create -f "$device" 2>&1) || [[ $answer == *"already exists"* ]]; then return 0; fi
    say "$device cannot be made: $answer"
    return 1
}

prepare() {
    install_client &&
        fetch OBJECTIVEFS_LICENSE "${LICENSE_SECRET:?}" &&
        fetch OBJECTIVEFS_PASSPHRASE "${PASSPHRASE_SECRET:?}" &&
        setting AWS_METADATA_HOST 169.254.169.254 && # credentials: those of the instance role
        setting AWS_DEFAULT_REGION "${REGION:?}" &&
        setting CACHESIZE "${CACHE_SIZE:?}" &&
        make_file_system
}

attach() {
    mount "$1"
}

# Containers run as users of their own: like /tmp, all may write, and only the owner may delete.
settle() {
    chmod 1777 "$1"
}

host_mount "$device" "$type" "$options"
