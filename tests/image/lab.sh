#!/usr/bin/env bash
# Builds the Dockerfile as it is, and invokes what comes out under Lambda's emulator, on a machine without Docker.
#
#   lab.sh build                  the image
#   lab.sh invoke EVENT [ARG…]    the response to EVENT; each ARG goes to `podman run`: `-e NAME=VALUE`, or a command
#   lab.sh added                  the files that the stage `host` adds to its base image
#   lab.sh glibc                  the versions of glibc's symbols that the image's bootstrap asks for
#
# No registry of images is asked: the two base images are made here from Debian packages, under the names that the
# Dockerfile gives. What stands in for public.ecr.aws/lambda/provided:al2023 has that image's directories, variables,
# entrypoint and emulator, but Debian's libraries; so whether bootstrap runs on Amazon Linux's older glibc is told by
# `glibc`, not by the invocation.
set -euo pipefail
root=$(realpath "$(dirname "$0")/../..")
lab=$root/target/image-lab
emulator=$root/target/tools/aws-lambda-rie
image=localhost/guesthouse:lab
say() { echo "image lab: $*" >&2; }

for tool in buildah podman runc mmdebstrap; do
    command -v "$tool" > /dev/null || { say "\`$tool\` is missing"; say "hint: cargo xtask test installs it"; exit 1; }
done
[ -x "$emulator" ] || { say "$emulator is missing"; say "hint: cargo xtask test installs it"; exit 1; }

mkdir -p "$lab/tmp"
printf '[storage]\ndriver = "overlay"\ngraphroot = "%s/storage"\nrunroot = "%s/run"\n' "$lab" "$lab" > "$lab/storage.conf"
# Limits that can't be raised here, and cgroups that crun does not take.
cat > "$lab/containers.conf" <<'CONF'
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
export CONTAINERS_STORAGE_CONF=$lab/storage.conf CONTAINERS_CONF=$lab/containers.conf TMPDIR=$lab/tmp

# public.ecr.aws/lambda/provided:al2023
make_lambda_base() {
    local tree=$lab/lambda-base packages=$lab/packages working
    rm -rf "$tree" "$packages"; mkdir -p "$tree" "$packages"
    (cd "$packages" && apt-get download -qq -o APT::Sandbox::User=root libc6 libgcc-s1 busybox-static ca-certificates)
    for package in "$packages"/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -C "$tree" -x --exclude=./usr/share/doc --exclude=./usr/share/man
    done
    mkdir -p "$tree"/{tmp,etc/ssl/certs,root,opt,usr/local/bin,var/task,var/runtime}; chmod 1777 "$tree/tmp"
    for applet in $("$tree/bin/busybox" --list); do [ -e "$tree/bin/$applet" ] || ln -s busybox "$tree/bin/$applet"; done
    echo 'root:x:0:0:root:/root:/bin/sh' > "$tree/etc/passwd"; echo 'root:x:0:' > "$tree/etc/group"
    cp /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/"
    install -m 755 "$emulator" "$tree/usr/local/bin/aws-lambda-rie"
    # As the real one: exactly one argument, which becomes _HANDLER; the emulator where there is no Lambda.
    cat > "$tree/lambda-entrypoint.sh" <<'ENTRY'
#!/bin/sh
if [ $# -ne 1 ]; then echo "entrypoint requires the handler name to be the first argument" >&2; exit 142; fi
export _HANDLER="$1"
if [ -z "$AWS_LAMBDA_RUNTIME_API" ]; then exec /usr/local/bin/aws-lambda-rie /var/runtime/bootstrap; fi
exec /var/runtime/bootstrap
ENTRY
    chmod 755 "$tree/lambda-entrypoint.sh"
    working=$(buildah from scratch); buildah add -q "$working" "$tree" / > /dev/null
    buildah config --env LANG=en_US.UTF-8 --env PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin \
        --env LAMBDA_TASK_ROOT=/var/task --env LAMBDA_RUNTIME_DIR=/var/runtime --workingdir /var/task \
        --entrypoint '["/lambda-entrypoint.sh"]' "$working"
    buildah commit -q --rm "$working" public.ecr.aws/lambda/provided:al2023 > /dev/null
}

# docker.io/library/rust:1-bookworm: Debian 12 with a C compiler; this machine's toolchain comes in at build time.
make_rust_base() {
    local tree=$lab/rust-base working
    rm -rf "$tree"
    mmdebstrap --quiet --variant=extract bookworm "$tree" --include=\
bash,coreutils,dash,sed,grep,tar,gzip,findutils,gcc,g++,libc6-dev,make,ca-certificates,perl-base,binutils,libc-bin,base-files
    ln -sf gcc "$tree/usr/bin/cc"; ln -sf g++ "$tree/usr/bin/c++"
    mkdir -p "$tree"/etc/ssl/certs "$tree"/usr/local/cargo/bin "$tree"/usr/local/toolchain
    cp /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/"
    for program in "$(rustc --print sysroot)"/bin/*; do
        ln -s "/usr/local/toolchain/bin/$(basename "$program")" "$tree/usr/local/cargo/bin/"
    done
    working=$(buildah from scratch); buildah add -q "$working" "$tree" / > /dev/null
    buildah config --env PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        --env CARGO_HOME=/usr/local/cargo "$working"
    buildah commit -q --rm "$working" docker.io/library/rust:1-bookworm > /dev/null
    rm -rf "$tree"
}

build() {
    # One at a time: the first makes it, the others find it made.
    exec 9> "$lab/lock"; flock 9
    local base=public.ecr.aws/lambda/provided:al2023 rust=docker.io/library/rust:1-bookworm
    buildah images -q "$base" > /dev/null 2>&1 || { say "making a stand-in for $base"; make_lambda_base; }
    buildah images -q "$rust" > /dev/null 2>&1 || { say "making a stand-in for $rust"; make_rust_base; }
    say "building the image (minutes when it is the first time)"
    stage "$image"
}

# A stage of the Dockerfile under this name: stage NAME [OPTION…]
stage() {
    buildah bud --layers --isolation chroot --pull=never -v "$(rustc --print sysroot):/usr/local/toolchain:ro" \
        -t "$@" "$root" > "$lab/build.log" 2>&1 || { tail -n 50 "$lab/build.log" >&2; exit 1; }
}

invoke() {
    local event=$1 options=() command=() container port
    shift
    while [ $# -gt 0 ]; do
        case $1 in -e) options+=(-e "$2"); shift 2 ;; *) command+=("$1"); shift ;; esac
    done
    # Port 0 of the host: any free one.
    container=$(podman run -d -p 127.0.0.1::8080 "${options[@]}" "$image" "${command[@]}")
    trap "podman rm -f -t 1 $container > /dev/null" EXIT
    port=$(podman port "$container" 8080/tcp | cut -d: -f2)
    for _ in $(seq 1200); do
        curl -s -o /dev/null "http://127.0.0.1:$port/" && break
        sleep 0.05
    done
    curl -s --max-time 60 -d "$event" "http://127.0.0.1:$port/2015-03-31/functions/function/invocations"
    podman logs "$container" >&2
}

glibc() {
    local container mounted
    container=$(buildah from "$image"); mounted=$(buildah mount "$container")
    trap "buildah rm $container > /dev/null" EXIT
    objdump -T "$mounted/var/runtime/bootstrap" | grep -oE 'GLIBC_[0-9.]+' | sort -Vu
}

# The files that the stage `host` has and the base image has not.
added() {
    build
    stage "$image-host" --target host
    local base host
    base=$(buildah from public.ecr.aws/lambda/provided:al2023); host=$(buildah from "$image-host")
    trap "buildah rm $base $host > /dev/null" EXIT
    comm -13 <(cd "$(buildah mount "$base")" && find . -type f | sort) <(cd "$(buildah mount "$host")" && find . -type f | sort)
}

"$@"
