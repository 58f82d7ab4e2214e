#!/bin/sh
# The rival: the same rebuild by a plain script that keeps nothing. Prints one JSON object on stdout.
#   plain-rebuild.sh SOURCE SOURCE_VERSION SUITE any|all
set -eu
source=$1 version=$2 suite=$3 part=$4

work=$(mktemp -d)
trap 'umount -l "$work/root/proc" 2>/dev/null || true; rm -rf "$work"' EXIT

# The machine's own mirror: every archive that apt reads for this suite, its updates and its security fixes.
apt-get update --print-uris |
  sed -n "s|^'\(.*\)/dists/\(${suite}[a-z/-]*\)/InRelease'.*|\1 \2|p" |
  while read -r archive release; do
    printf 'deb %s %s main\ndeb-src %s %s main\n' "$archive" "$release" "$archive" "$release"
  done >"$work/sources.list"

started=$(date +%s.%N)
mmdebstrap --quiet --variant=buildd --include=fakeroot --skip=cleanup/apt/lists --aptopt='Acquire::Check-Valid-Until "false"' \
  --aptopt='Acquire::Languages "none"' "$suite" "$work/root" "$work/sources.list"
mount -t proc proc "$work/root/proc"
cp /etc/resolv.conf "$work/root/etc/"
in_root() { chroot "$work/root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
case $part in all) only=--indep-only flag=-A ;; any) only=--arch-only flag=-B ;; esac
in_root apt-get -qq -y --no-install-recommends "$only" build-dep "$source=$version" >/dev/null
in_root sh -c "mkdir -p /build/reproducible-path && cd /build/reproducible-path && apt-get -qq source --download-only $source=$version && dpkg-source --no-check -x ./*.dsc tree" >/dev/null
in_root sh -c 'useradd -m builder && chown -R builder /build'
building=$(date +%s.%N)
in_root setpriv --reuid builder --regid builder --clear-groups sh -c \
  "cd /build/reproducible-path/tree && HOME=/nonexistent DEB_BUILD_OPTIONS=parallel=$(nproc) dpkg-buildpackage -us -uc $flag" >"$work/log" 2>&1 ||
  { tail -n 20 "$work/log" >&2; exit 1; }
ended=$(date +%s.%N)
awk -v a="$started" -v b="$building" -v c="$ended" 'BEGIN { printf "{\"total\": %.3f, \"build\": %.3f}\n", c - a, c - b }'
