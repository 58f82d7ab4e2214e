#!/bin/sh
# First of five steps into a sandbox (enter, furnish, descend, settle, init): joins its cgroups and becomes root of an
# outer user namespace, which maps the agent's own user and its subordinate ids.
# Started as `setpriv --pdeathsig KILL sh enter.sh`, so that it dies with the agent, and all in it with it.
set -eu

# A parent that died before the signal was armed would never be missed.
[ "$PPID" = "$SANDBOX_PARENT" ] || exit 125
for procs in ${SANDBOX_CGROUPS:-}; do echo $$ >"$procs"; done
# The limit of processes is taken on in the outer namespace: there it counts for this sandbox alone, and holds for all
# users of the inner one together.
exec unshare --user --map-root-user --map-auto --mount --propagation private \
  prlimit "--nproc=$SANDBOX_PROCESSES:$SANDBOX_PROCESSES" --core=0:0 \
  sh "$SANDBOX_LIB/sandbox/furnish.sh"
