#!/bin/sh
# Builds the Debian packages from a source tree of their own, and leaves them alone under build/packages/; the source
# package and the build's log stay under build/deb/.
set -eu
cd "$(dirname "$0")/../.."
umask 022

work=build/deb
version=$(dpkg-parsechangelog --show-field Version)
rm -rf "$work"
mkdir -p "$work" build/packages
modules=$(tools/packaging/modules.sh)
node build/lib/source-tree.js "$work/package-rebuilder-$version"
tar --extract --directory="$work/package-rebuilder-$version" --file="$modules"
if ! (cd "$work/package-rebuilder-$version" && dpkg-buildpackage --no-sign --no-check-builddeps) >"$work/log" 2>&1 </dev/null; then
  tail -n 20 "$work/log" >&2
  printf 'deb: the build failed: see %s\n' "$work/log" >&2
  exit 1
fi
# An RPM package carries the Debian one of its time.
rm -f build/packages/*.deb build/packages/*.rpm
mv "$work"/*.deb build/packages/
ls build/packages/*.deb
