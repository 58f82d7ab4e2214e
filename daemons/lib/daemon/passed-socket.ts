/** sd_listen_fds(3): the first passed descriptor. */
const listenFdsStart = 3;
/** The most that are looked through, as many as a process may have open on any of our machines. */
const maxPassed = 1_024;

/**
 * The descriptor of the listening socket that systemd passed under this name (`FileDescriptorName=`), as
 * sd_listen_fds_with_names(3) finds it; undefined if none was passed to this very process.
 */
export function passedSocket(
  name: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
  pid: number = process.pid,
): number | undefined {
  if (env.LISTEN_PID !== String(pid)) return undefined;
  const count = /^\d{1,4}$/.test(env.LISTEN_FDS ?? '') ? Math.min(Number(env.LISTEN_FDS), maxPassed) : 0;
  const index = (env.LISTEN_FDNAMES ?? '').split(':').slice(0, count).indexOf(name);
  return index < 0 ? undefined : listenFdsStart + index;
}
