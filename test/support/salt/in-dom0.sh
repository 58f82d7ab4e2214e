#!/bin/sh
# Runs a command where the folders of a site stand in place of this machine's, as dom0 has them: in-dom0.sh SITE COMMAND...
# Call it in a mount namespace of its own.
set -eu
site=$1
shift
mount --bind "$site/srv" /srv
mount --bind "$site/etc" /etc
mount --bind /usr/share "$site/share-of-this-machine"
mount --bind "$site/share" /usr/share
# Calls at once would empty each other's cache.
mount -t tmpfs tmpfs "$site/salt"
exec "$@"
