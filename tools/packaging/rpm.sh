#!/bin/sh
# Builds the RPM packages from a source tree of their own, and leaves them alone under build/packages/: the daemons for
# templates of Fedora, then dom0's, which carries them and the Debian package. The logs stay under build/rpm/.
set -eu
cd "$(dirname "$0")/../.."
umask 022

top=$PWD/build/rpm
packages=build/packages
version=$(cat version)
release=$(cat rel)
epoch=$(dpkg-parsechangelog --show-field Timestamp)
rm -rf "$top"
mkdir -p "$top/SOURCES" "$top/SPECS" "$packages"
rm -f "$packages"/*.rpm

node build/lib/source-tree.js "$top/package-rebuilder-$version"
cp "build/modules/package-rebuilder-modules-$version.tar.gz" "$top/SOURCES/"
tar_source() {
  tar --create --directory "$top" --sort=name --owner=0 --group=0 --numeric-owner --format=gnu --mtime="@$epoch" \
    "package-rebuilder-$version" | gzip --no-name >"$top/SOURCES/package-rebuilder-$version.tar.gz"
}

# As Qubes' builder fills them in (QubesOS/qubes-builderv2, source_rpm/scripts/generate-spec).
changelog() {
  printf '* %s %s - %s-%s\n' "$(LC_ALL=C date --utc --date="@$epoch" '+%a %b %d %Y')" \
    "$(dpkg-parsechangelog --show-field Maintainer)" "$version" "$release"
  dpkg-parsechangelog --show-field Changes | sed -n 's/^ *\* /- /p; s/^    \([^ *]\)/  \1/p'
}
spec() {
  sed -e "s/@VERSION@/$version/; s/@REL@/$release/" -e "/@CHANGELOG@/{r $top/changelog" -e 'd}' \
    "rpm/$name.spec.in" >"$top/SPECS/$name.spec"
}
build() {
  name=$1
  spec
  # What builds it is on this machine, in its own package database.
  if ! SOURCE_DATE_EPOCH=$epoch rpmbuild -bb --nodeps --define "_topdir $top" --define "_rpmdir $top/RPMS" \
    "$top/SPECS/$name.spec" >"$top/$name.log" 2>&1 </dev/null; then
    tail -n 20 "$top/$name.log" >&2
    printf 'rpm: the build of %s failed: see %s\n' "$name" "$top/$name.log" >&2
    exit 1
  fi
  find "$top/RPMS" -name "$name-$version-*.rpm" -exec mv {} "$packages/" \;
}

changelog >"$top/changelog"
tar_source
build package-rebuilder
# What dom0 carries lies in its source archive, where Qubes' builder has nothing.
mkdir "$top/package-rebuilder-$version/packages"
cp "$packages"/package-rebuilder_*.deb "$packages/package-rebuilder-$version"-*.rpm "$top/package-rebuilder-$version/packages/"
tar_source
build package-rebuilder-dom0
ls "$packages"/*.rpm
