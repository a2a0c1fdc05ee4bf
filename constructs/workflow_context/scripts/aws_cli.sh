#!/bin/bash
# The AWS CLI in one directory, with the Python, the C library and the certificates it needs: engines bind the directory
# into the container of each task, whose image may be of any distribution. It comes from Amazon Linux's own repository,
# signed, of the release of this machine: S3 in the region holds it, and the gateway endpoint leads there.
# AWS_CLI_HOME is the directory, AWS_CLI the command in it; ROOT is empty but in tests.
set -euo pipefail

root=${ROOT:-}
tree=${AWS_CLI_HOME:?}/root
attempts=${INSTALL_ATTEMPTS:-10}

# To the log of cloud-init, and to the console, which can be read when the machine is gone.
say() {
    echo "workflow-aws-cli: $*" >&2
    if [ -w "$root/dev/console" ]; then echo "workflow-aws-cli: $*" >"$root/dev/console"; fi
}

# A machine without the command would fail every job it is given, so it takes none and costs nothing for long.
give_up() {
    say "$1; this machine takes no jobs and shuts down in a minute"
    systemctl mask --runtime ecs.service || say "the ECS agent could not be masked"
    shutdown -h +1 "no AWS CLI for tasks" || say "the machine could not be shut down"
    exit 1
}

# The agent starts only where the command is, whatever becomes of this script.
guard_ecs() {
    local folder="$root/etc/systemd/system/ecs.service.d"
    mkdir -p "$folder"
    printf '[Service]\nExecStartPre=/usr/bin/test -x %s\n' "${AWS_CLI:?}" >"$folder/workflow-aws-cli.conf"
    systemctl daemon-reload
}

packages() {
    dnf install -y --installroot="$tree" --releasever="$(rpm -q --queryformat '%{VERSION}' system-release)" \
        --setopt=install_weak_deps=False --setopt=tsflags=nodocs awscli-2 glibc-minimal-langpack
}

# By its own loader: neither the C library nor the Python of the container is used, and it need not have any.
wrapper() {
    local loader
    loader=$(find "$tree/usr/lib64" "$tree/usr/lib" -maxdepth 1 -name 'ld-linux-*.so.*' | head -n 1)
    [ -n "$loader" ] || return 1
    cat <<COMMAND
#!/bin/sh
unset LD_LIBRARY_PATH LD_PRELOAD
export AWS_CA_BUNDLE="\${AWS_CA_BUNDLE:-$AWS_CLI_HOME/ca-bundle.pem}"
exec $loader --library-path $tree/usr/lib64 $tree/usr/bin/python3 -I $tree/usr/bin/aws "\$@"
COMMAND
}

guard_ecs
if [ -x "$AWS_CLI" ]; then
    say "$AWS_CLI is there already"
    exit 0
fi
mkdir -p "$tree" "$(dirname "$AWS_CLI")"
pause=2
for ((attempt = 1; ; attempt++)); do
    if packages; then break; fi
    say "attempt $attempt of $attempts to install failed"
    if [ "$attempt" -ge "$attempts" ]; then give_up "the AWS CLI could not be installed"; fi
    sleep "$pause"
    pause=$((pause < 30 ? pause * 2 : 60))
done
cp -L "$root/etc/pki/tls/certs/ca-bundle.crt" "$AWS_CLI_HOME/ca-bundle.pem" || give_up "there are no certificates"
wrapper >"$AWS_CLI.new" || give_up "the C library of the AWS CLI is missing"
chmod 755 "$AWS_CLI.new"
"$AWS_CLI.new" --version || give_up "the AWS CLI does not run"
mv "$AWS_CLI.new" "$AWS_CLI"
say "$AWS_CLI is ready"
