#!/bin/sh
# Second step into a sandbox, as root of fresh namespaces: furnishes a root of its own and leaves the host's behind.
set -eu
umask 022
PATH=/usr/sbin:/usr/bin:/sbin:/bin
new=$SANDBOX_ROOT

mount -t tmpfs -o "mode=755,nosuid,size=$SANDBOX_ROOT_BYTES,nr_inodes=200k" sandbox "$new"
cd "$new"
mkdir -p dev dev/pts dev/shm etc/apt/apt.conf.d etc/apt/preferences.d etc/apt/sources.list.d etc/apt/trusted.gpg.d \
  etc/qubes-rpc home media mnt opt/package-rebuilder/bin opt/package-rebuilder/lib proc root run/lock srv sys tmp usr \
  var/cache/apt/archives/partial var/lib/apt/lists/partial var/lib/disposable var/lib/dpkg/info var/lib/dpkg/updates \
  var/lib/dpkg/alternatives var/log/apt var/tmp
chmod 1777 tmp var/tmp run/lock dev/shm
chmod 700 root
: >var/lib/dpkg/status
ln -s /run/lock var/lock
ln -s /run var/run

# /bin and its like are links where /usr is merged, else folders to be shown as well.
shown=usr
for name in bin sbin lib lib32 lib64 libx32; do
  if [ -L "/$name" ]; then
    ln -s "$(readlink "/$name")" "$name"
  elif [ -d "/$name" ]; then
    mkdir "$name"
    shown="$shown $name"
  fi
done

# Of the host's configuration only what its programs cannot run without; users and groups are Debian's own.
for name in alternatives debian_version dpkg ld.so.cache ld.so.conf ld.so.conf.d magic magic.mime mke2fs.conf perl; do
  if [ -e "/etc/$name" ]; then cp -a --no-preserve=ownership "/etc/$name" "etc/$name"; fi
done
for name in passwd group; do
  if [ -e "/usr/share/base-passwd/$name.master" ]; then
    cp "/usr/share/base-passwd/$name.master" "etc/$name"
  fi
done
[ -e etc/passwd ] || printf '%s\n' 'root:*:0:0:root:/root:/bin/sh' 'nobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin' >etc/passwd
[ -e etc/group ] || printf '%s\n' 'root:*:0:' 'tty:*:5:' 'nogroup:*:65534:' >etc/group
printf '%s\n' '127.0.0.1 localhost' "127.0.1.1 $SANDBOX_NAME" '::1 localhost ip6-localhost ip6-loopback' >etc/hosts
printf '%s\n' 'passwd: files' 'group: files' 'shadow: files' 'hosts: files' >etc/nsswitch.conf
printf '%s\n' "$SANDBOX_NAME" >etc/hostname
: >etc/resolv.conf
: >etc/fstab
ln -s ../usr/lib/os-release etc/os-release
ln -s /proc/self/mounts etc/mtab

for name in null zero full random urandom tty; do
  : >"dev/$name"
  mount --bind "/dev/$name" "dev/$name"
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5,nosuid,noexec devpts dev/pts
mount -t tmpfs -o "mode=1777,nosuid,nodev,size=$SANDBOX_ROOT_BYTES" shm dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr

mount -t proc -o nosuid,nodev,noexec proc proc
# Not every host lets this be mounted; a build chroot does without it.
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys 2>/dev/null || true
mount -t tmpfs -o "mode=755,size=$SANDBOX_SCRATCH_BYTES,nr_inodes=0" scratch var/lib/disposable

show() {
  mount --rbind "$1" "$2"
  # A mount of the host's that has noexec keeps it: what a user namespace inherits cannot be loosened.
  mount -o remount,bind,ro,nosuid,nodev "$2" 2>/dev/null || mount -o remount,bind,ro,nosuid,nodev,noexec "$2"
}
for name in $shown; do show "/$name" "$name"; done
# What operators keep below /usr is none of a sandbox's business.
for name in usr/local usr/src; do
  if [ -d "$name" ]; then mount -t tmpfs -o mode=755,ro,size=4k,nosuid,nodev hidden "$name"; fi
done
show "$SANDBOX_LIB" opt/package-rebuilder/lib
show "$SANDBOX_SERVICES" etc/qubes-rpc
: >opt/package-rebuilder/bin/node
show "$SANDBOX_NODE" opt/package-rebuilder/bin/node

hostname "$SANDBOX_NAME"
# Loopback alone: struct ifreq with IFF_UP to SIOCSIFFLAGS. iproute2 need not be there.
perl -e '$up = pack("a16 s x22", "lo", 1); socket(S, 2, 2, 0) && ioctl(S, 0x8914, $up) or die "loopback: $!\n"'
# No user namespaces within: they would give back every capability that is dropped below.
echo 0 >/proc/sys/user/max_user_namespaces

mkdir .host
pivot_root . .host
cd /
umount -l /.host
rmdir /.host
unset SANDBOX_ROOT SANDBOX_ROOT_BYTES SANDBOX_SCRATCH_BYTES SANDBOX_LIB SANDBOX_SERVICES SANDBOX_NODE SANDBOX_PARENT \
  SANDBOX_CGROUPS SANDBOX_CGROUP_NAMESPACE SANDBOX_TIME_NAMESPACE SANDBOX_PROCESSES SANDBOX_NAME
# What building needs stays: owners and modes, chroot, mounts, other users, the loopback of namespaces within. What only
# opens the kernel goes.
exec setpriv --bounding-set="$(
  printf '%s' '-net_raw,-net_broadcast,-sys_module,-sys_rawio,-sys_pacct,-sys_boot,-sys_time,-sys_resource,' \
    '-sys_tty_config,-linux_immutable,-lease,-audit_control,-audit_read,-mac_override,-mac_admin,-syslog,-wake_alarm,' \
    '-block_suspend,-ipc_lock,-perfmon,-bpf,-checkpoint_restore'
)" perl /opt/package-rebuilder/lib/sandbox/init.pl "$SANDBOX_SERVICE"
