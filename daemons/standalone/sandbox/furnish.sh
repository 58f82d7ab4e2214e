#!/bin/sh
# Second step into a sandbox: furnishes its root with what it is shown of the host. It is done in the outer namespace,
# whose root is the agent's user and can read a checkout wherever it is; what is shown read-only stays so within.
set -eu
umask 022
PATH=/usr/sbin:/usr/bin:/sbin:/bin
new=$SANDBOX_ROOT

mount -t tmpfs -o "mode=755,nosuid,size=$SANDBOX_ROOT_BYTES,nr_inodes=200k" sandbox "$new"
cd "$new"
mkdir -p dev/pts dev/shm etc/apt/apt.conf.d etc/apt/preferences.d etc/apt/sources.list.d etc/apt/trusted.gpg.d \
  etc/qubes-rpc home media mnt opt/package-rebuilder/bin opt/package-rebuilder/lib proc root run/lock srv sys tmp usr \
  var/cache/apt/archives/partial var/lib/apt/lists/partial var/lib/disposable var/lib/dpkg/info var/lib/dpkg/updates \
  var/lib/dpkg/alternatives var/log/apt var/tmp .host
chmod 1777 tmp var/tmp run/lock
chmod 700 root
: >var/lib/dpkg/status
: >opt/package-rebuilder/bin/node
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
nobody='nobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin'
[ -e etc/passwd ] || printf '%s\n' 'root:*:0:0:root:/root:/bin/sh' "$nobody" >etc/passwd
[ -e etc/group ] || printf '%s\n' 'root:*:0:' 'tty:*:5:' 'nogroup:*:65534:' >etc/group
printf '%s\n' '127.0.0.1 localhost' "127.0.1.1 $SANDBOX_NAME" '::1 localhost ip6-localhost ip6-loopback' >etc/hosts
printf '%s\n' 'passwd: files' 'group: files' 'shadow: files' 'hosts: files' >etc/nsswitch.conf
printf '%s\n' "$SANDBOX_NAME" >etc/hostname
: >etc/resolv.conf
: >etc/fstab
ln -s ../usr/lib/os-release etc/os-release
ln -s /proc/self/mounts etc/mtab
for name in null zero full random urandom tty; do : >"dev/$name"; done
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
# The root of the inner namespace is user 1 of this one; the agent's user does not exist there.
chown -hR 1:1 .

for name in null zero full random urandom tty; do mount --bind "/dev/$name" "dev/$name"; done
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
show "$SANDBOX_NODE" opt/package-rebuilder/bin/node

# One user namespace below this one, the sandbox's: more would give back every capability that it drops.
echo 1 >/proc/sys/user/max_user_namespaces
exec perl "$SANDBOX_LIB/sandbox/descend.pl" sh "$SANDBOX_LIB/sandbox/settle.sh"
