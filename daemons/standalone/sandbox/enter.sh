#!/bin/sh
# First of three steps into a sandbox (enter, furnish, init): joins its cgroups, takes its limits, makes its namespaces.
# Started as `setpriv --pdeathsig KILL sh enter.sh PARENT …`, so that it dies with the agent, and all in it with it.
set -eu

# A parent that died before the signal was armed would never be missed.
[ "$PPID" = "$SANDBOX_PARENT" ] || exit 125
for procs in ${SANDBOX_CGROUPS:-}; do echo $$ >"$procs"; done
exec prlimit "--nproc=$SANDBOX_PROCESSES:$SANDBOX_PROCESSES" --core=0:0 \
  unshare --user --map-root-user --map-auto --mount --propagation private --pid --fork --kill-child=KILL \
  --net --ipc --uts ${SANDBOX_CGROUP_NAMESPACE:+--cgroup} ${SANDBOX_TIME_NAMESPACE:+--time} \
  sh "$SANDBOX_LIB/sandbox/furnish.sh"
