import { loopbackUp, mountRoot } from './namespace.ts';
import { builder } from './users.ts';

/** Shell that prepares and runs a package's build, each as process 1 of its own namespaces (`inNamespaces`). */

/** Where the delivered source waits inside the root until the build's user has a folder for it. */
export const sourcesInsideRoot = '.sources';

const owner = `${builder.uid}:${builder.gid}`;

/** Runs `NAME=VALUE…` and a command as the build's user inside the root, with nothing else of ours. */
const asBuilder = `
as_builder() {
  chroot --userspec=${owner} --groups= "$root" /usr/bin/env -i "$@"
}
`;

/** Arguments: root, folder of the build path, build path, .dsc, then the environment. The binNMU entry, if any, is the input. */
export const unpackScript = `
root=$1 parent=$2 tree=$3 dsc=$4
shift 4
${mountRoot}
${asBuilder}
chroot "$root" /bin/sh -euc '
  mkdir -p "$0"
  [ "$(stat -c %a "$0")" = 1777 ] || chown ${owner} "$0"
  chown ${owner} /${sourcesInsideRoot}/*
  chmod 644 /${sourcesInsideRoot}/*
  mv /${sourcesInsideRoot}/* "$0"
  rmdir /${sourcesInsideRoot}
' "$parent"
as_builder "$@" /bin/sh -euc '
  umask 022
  cd "$0"
  dpkg-source --no-check -x "$1" "$2"
  cd "$2"
  cat - debian/changelog > debian/changelog.rebuilder
  if ! cmp -s debian/changelog debian/changelog.rebuilder; then
    cat debian/changelog.rebuilder > debian/changelog
  fi
  rm debian/changelog.rebuilder
' "$parent" "$dsc" "$tree"
`;

/**
 * Arguments: root, build path, what to build, limits (processes, bytes of a file, bytes of memory or "unlimited"), then
 * the environment. dpkg finds fakeroot by itself where the root holds it. Where rules need root and no buildinfo named
 * it (none ever does), a copy of setpriv that the build's user alone may call takes its place.
 */
export const buildScript = `
root=$1 tree=$2 build=$3 processes=$4 file=$5 memory=$6
shift 6
${mountRoot}
${loopbackUp}
${asBuilder}
set -- "$@" /bin/sh -c 'umask 022; cd "$0"; exec "$@"' "$tree" dpkg-buildpackage -us -uc "--build=$build"
if [ ! -x "$root/usr/bin/fakeroot" ]; then
  gain=$root/run/gain-root
  mkdir "$gain"
  mount -t tmpfs -o nodev,mode=755,size=1m gain-root "$gain"
  cp "$root/usr/bin/setpriv" "$gain/setpriv"
  chown 0:${builder.gid} "$gain/setpriv"
  chmod 4750 "$gain/setpriv"
  set -- "$@" "--root-command=/run/gain-root/setpriv --reuid=0 --regid=0 --clear-groups --"
fi
echo 1000 > /proc/self/oom_score_adj
ulimit -c 0
code=0
prlimit "--nproc=$processes" "--fsize=$file" "--as=$memory" \\
  chroot --userspec=${owner} --groups= "$root" /usr/bin/env -i "$@" || code=$?
exit "$code"
`;
