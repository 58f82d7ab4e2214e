#!/bin/sh
# Fourth step into a sandbox, as root and first process of its namespaces: mounts what is its own and leaves the host's
# root behind. All that it inherited is locked: it can be neither loosened nor taken away.
set -eu
umask 022
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH

# What is locked cannot become a root; a copy of it can.
mount --rbind "$SANDBOX_ROOT" "$SANDBOX_ROOT"
cd "$SANDBOX_ROOT"
mount -t proc -o nosuid,nodev,noexec proc proc
# Not every host lets this be mounted; a build chroot does without it. Read-only is the mount, not the file system, so
# that mmdebstrap can mount another.
if mount -t sysfs -o nosuid,nodev,noexec sysfs sys 2>/dev/null; then mount -o remount,bind,ro,nosuid,nodev,noexec sys; fi
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5,nosuid,noexec devpts dev/pts
mount -t tmpfs -o "mode=1777,nosuid,nodev,size=$SANDBOX_ROOT_BYTES" shm dev/shm
mount -t tmpfs -o "mode=755,size=$SANDBOX_SCRATCH_BYTES,nr_inodes=0" scratch var/lib/disposable
hostname "$SANDBOX_NAME"
# Loopback alone: struct ifreq with IFF_UP to SIOCSIFFLAGS. iproute2 need not be there.
perl -e '$up = pack("a16 s x22", "lo", 1); socket(S, 2, 2, 0) && ioctl(S, 0x8914, $up) or die "loopback: $!\n"'
pivot_root . .host
cd /
umount -l /.host
rmdir /.host
service=$SANDBOX_SERVICE
unset SANDBOX_ROOT SANDBOX_ROOT_BYTES SANDBOX_SCRATCH_BYTES SANDBOX_LIB SANDBOX_SERVICES SANDBOX_NODE SANDBOX_PARENT \
  SANDBOX_CGROUPS SANDBOX_PROCESSES SANDBOX_NAME SANDBOX_SERVICE
# What building needs stays: owners and modes, chroot, mounts, other users, the loopback of namespaces within. What only
# opens the kernel goes.
exec setpriv --bounding-set="$(
  printf '%s' '-net_raw,-net_broadcast,-sys_module,-sys_rawio,-sys_pacct,-sys_boot,-sys_time,-sys_resource,' \
    '-sys_tty_config,-linux_immutable,-lease,-audit_control,-audit_read,-mac_override,-mac_admin,-syslog,-wake_alarm,' \
    '-block_suspend,-ipc_lock,-perfmon,-bpf,-checkpoint_restore'
)" perl /opt/package-rebuilder/lib/sandbox/init.pl "$service"
