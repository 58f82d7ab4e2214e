#!/bin/sh
# Packs the npm modules that the packages hold and are built by, at the versions of package-lock.json and nothing else:
# build/modules/package-rebuilder-modules-VERSION.tar.gz, which `.qubesbuilder` has Qubes' builder fetch from our release.
# Its sha256 stands in rpm/package-rebuilder-modules.sha256; with --write it is written there.
set -eu
cd "$(dirname "$0")/../.."
umask 022

top=build/modules
archive=$top/package-rebuilder-modules-$(cat version).tar.gz
rm -rf "$top"
mkdir -p "$top"
node build/lib/source-tree.js --modules "$top/tree"
# A time that no release changes.
tar --create --directory "$top/tree" --sort=name --owner=0 --group=0 --numeric-owner --format=gnu \
  --mtime='2020-01-01 00:00:00 UTC' node_modules |
  gzip --no-name >"$archive"
rm -r "$top/tree"
sum=$(sha256sum "$archive" | cut -d' ' -f1)
known=rpm/package-rebuilder-modules.sha256
[ "${1-}" != --write ] || printf '%s\n' "$sum" >"$known"
if [ "$sum" != "$(cat "$known")" ]; then
  printf 'modules: sha256 %s is not that of %s: after a change of package-lock.json, or of which modules the daemons import, %s --write\n' "$sum" "$known" "$0" >&2
  exit 1
fi
printf '%s\n' "$archive"
