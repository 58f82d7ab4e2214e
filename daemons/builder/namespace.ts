/**
 * Namespaces inside the disposable: what one step starts ends with it, and nothing in it reaches a network, whatever
 * the disposable itself is.
 */

/**
 * Arguments of unshare(1) that run a shell script as process 1 of fresh mount, PID, IPC, UTS and network namespaces.
 * When it ends, or unshare is killed, the kernel kills all that is left.
 */
export function inNamespaces(script: string, args: readonly string[]): readonly string[] {
  return [
    '--mount',
    '--pid',
    '--fork',
    '--kill-child=KILL',
    '--mount-proc',
    '--ipc',
    '--uts',
    '--net',
    '/bin/sh',
    '-euc',
    script,
    'sh',
    ...args,
  ];
}

/**
 * Shell: makes the folder `$root` a system that programs can run in, as sbuild and mmdebstrap do. `/sys` may be denied
 * where the disposable hides part of it; builds get by without.
 */
export const mountRoot = `
umask 022
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t sysfs -o ro,nosuid,nodev,noexec sys "$root/sys" 2>/dev/null || :
mount -t tmpfs -o nosuid,mode=755,size=1m dev "$root/dev"
for node in null zero full random urandom tty; do
  [ -c "/dev/$node" ] || continue
  : > "$root/dev/$node"
  mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,nosuid,noexec,gid=5,mode=620,ptmxmode=666 devpts "$root/dev/pts"
mount -t tmpfs -o nosuid,nodev,mode=1777 shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
hostname localhost
`;

/** Shell: the loopback interface of a fresh network namespace, which tests of packages expect; 0x8914 is SIOCSIFFLAGS. */
export const loopbackUp = `
perl -MSocket -e '
  my $request = pack("a16 s x14", "lo", 1);
  socket(S, AF_INET, SOCK_DGRAM, 0) && ioctl(S, 0x8914, $request) or die "lo: $!\n";
'
`;
