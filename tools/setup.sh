#!/bin/sh
# Installs what building and testing need, once: Debian packages, npm modules, Python packages, role users. Safe to run again.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

packages=$(awk '!/^#/ && NF { print $1 }' test/support/needs)
missing=
for package in $packages; do
  dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done

node_is_enough() {
  command -v node >/dev/null && command -v npm >/dev/null &&
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}
debian_node_is_enough() {
  candidate=$(apt-cache policy nodejs 2>/dev/null | awk '/Candidate:/ { print $2 }')
  [ -n "$candidate" ] && dpkg --compare-versions "$candidate" ge 20.19
}

if [ -n "$missing" ] || ! node_is_enough; then
  say 'reading the package lists'
  as_root apt-get update -qq
fi
if ! node_is_enough; then
  if debian_node_is_enough; then
    missing="$missing nodejs npm"
  else
    say "Node.js >= 20.19 with npm is needed and Debian's own is older here: install it from nodejs.org, or use Debian 13"
    exit 1
  fi
fi
if [ -n "$missing" ]; then
  say "installing$missing"
  # shellcheck disable=SC2086 # a list of package names
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

if ! node tools/modules-current.js; then
  say 'installing the npm modules of the lock file'
  npm ci --no-audit --no-fund --loglevel=error
  node tools/modules-current.js --remember
fi

in_toto=build/in-toto
if ! cmp -s test/support/in-toto/newest.txt "$in_toto/installed-from"; then
  say 'installing the newest in-toto'
  rm -rf "$in_toto"
  /usr/bin/python3 -m venv "$in_toto"
  "$in_toto/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: -r test/support/in-toto/newest.txt
  cp test/support/in-toto/newest.txt "$in_toto/installed-from"
fi

salt=build/salt
if ! cmp -s test/support/salt/requirements.txt "$salt/installed-from"; then
  say 'installing Salt'
  rm -rf "$salt"
  /usr/bin/python3 -m venv "$salt"
  "$salt/bin/pip" install --quiet --disable-pip-version-check -r test/support/salt/requirements.txt
  cp test/support/salt/requirements.txt "$salt/installed-from"
fi

[ ! -x tools/users.sh ] || as_root tools/users.sh
node tools/bundle.js
say 'ready: build/bin/rebuilderctl is the command line'
