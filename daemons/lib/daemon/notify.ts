import type { Clock } from './clock.ts';
import { type SpawnedProgram, spawnProgram } from './program.ts';

/** What a daemon tells its supervisor: sd_notify(3). */
export interface Notify {
  ready(): void;
  /** What the daemon does now, for `systemctl status`. */
  status(text: string): void;
  stopping(): void;
  /** Ends the helper; what was said before is still delivered. */
  close(): void;
}

/**
 * Node has no datagram sockets of the UNIX kind. One Perl process sends for the daemon as long as it lives: Perl is
 * essential on Debian, where systemd-notify may be missing (standalone mode has a supervisor of its own), and a sender
 * that outlives its message cannot lose systemd's race to find out which unit it belongs to. It ends with its input, so
 * with the daemon. The unit needs `NotifyAccess=all`.
 */
const sender = `
use Socket;
$SIG{INT} = $SIG{TERM} = 'IGNORE';
my $path = $ENV{NOTIFY_SOCKET};
$path =~ s/^@/\\0/;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die "notify: $!\\n";
my $to = pack_sockaddr_un($path);
while (my $line = <STDIN>) { chomp $line; send($socket, $line, 0, $to) or $line eq 'STOPPING=1' or warn "notify: $!\\n"; }
`;

const maxStatus = 300;

/** Does nothing without $NOTIFY_SOCKET. Feeds the watchdog at half of $WATCHDOG_USEC from `ready` on. */
export function openNotify(
  clock: Clock,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Notify {
  const socket = env.NOTIFY_SOCKET;
  if (socket === undefined || socket === '') return silent;
  const over = new AbortController();
  let helper: SpawnedProgram | undefined;
  const send = (message: string) => {
    helper ??= startSender(socket);
    helper.stdin.write(`${message}\n`);
  };
  let last = '';
  let watched = false;
  return {
    ready() {
      send('READY=1');
      const everyMs = watchdogMs(env) / 2;
      if (watched || !(everyMs > 0)) return;
      watched = true;
      void feedWatchdog(clock, everyMs, over.signal, () => send('WATCHDOG=1'));
    },
    status(text) {
      const line = text.replace(/\p{Cc}/gu, ' ').slice(0, maxStatus);
      if (line !== last) send(`STATUS=${line}`);
      last = line;
    },
    stopping: () => send('STOPPING=1'),
    close() {
      over.abort();
      helper?.stdin.end();
    },
  };
}

const silent: Notify = { ready() {}, status() {}, stopping() {}, close() {} };

function startSender(socket: string): SpawnedProgram {
  const helper = spawnProgram('perl', ['-e', sender], {
    env: { NOTIFY_SOCKET: socket },
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  helper.stdin.on('error', () => {});
  helper.unref();
  return helper;
}

/** $WATCHDOG_PID, when set, must be ours: sd_watchdog_enabled(3). */
function watchdogMs(env: Readonly<Record<string, string | undefined>>): number {
  const pid = env.WATCHDOG_PID;
  if (pid !== undefined && pid !== String(process.pid)) return 0;
  return Number(env.WATCHDOG_USEC ?? 0) / 1_000;
}

async function feedWatchdog(clock: Clock, everyMs: number, signal: AbortSignal, feed: () => void) {
  try {
    for (;;) {
      feed();
      await clock.sleep(everyMs, signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
