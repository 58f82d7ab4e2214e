#!/bin/sh
# The users of standalone mode: one a role, the broker's, and the disposables' with its range of subordinate ids; or those
# that are named. Safe to run again; needs root.
set -eu

users='rebuilder-orchestrator rebuilder-getter rebuilder-worker rebuilder-attester rebuilder-vault rebuilder-reporter
rebuilder-uploader rebuilder-webhook rebuilder-admin rebuilder-broker rebuilder-disposable'
# A container needs every id below 65536: dpkg and apt use 65534, 42 and 100.
count=65536

say() { printf 'users: %s\n' "$*" >&2; }

add_user() {
  getent passwd "$1" >/dev/null && return
  useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin \
    --comment 'package-rebuilder' "$1"
  say "added $1"
}

# The first id above every range that the file gives away, and above those of ordinary users.
first_free() {
  awk -F: 'BEGIN { free = 100000 } NF == 3 && $2 + $3 > free { free = $2 + $3 } END { print free }' "$1"
}

has_range() { awk -F: -v user="$2" -v count="$count" '$1 == user && $3 >= count { found = 1 } END { exit !found }' "$1"; }

add_range() {
  for kind in uid gid; do
    file=/etc/sub$kind
    [ -e "$file" ] || install -m 644 /dev/null "$file"
    has_range "$file" "$1" && continue
    first=$(first_free "$file")
    usermod --add-sub${kind}s "$first-$((first + count - 1))" "$1"
    say "gave $1 the sub$kind range $first to $((first + count - 1))"
  done
}

[ "$(id -u)" = 0 ] || { say 'needs root'; exit 1; }
[ $# = 0 ] || users=$*
for user in $users; do
  add_user "$user"
  # On Qubes OS the devices of /dev/xen belong to this group.
  if getent group qubes >/dev/null; then usermod --append --groups qubes "$user"; fi
  [ "$user" != rebuilder-disposable ] || add_range "$user"
done
# Whoever set this up with sudo can run a line of their own, as an ordinary user.
if [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ]; then add_range "$SUDO_USER"; fi
