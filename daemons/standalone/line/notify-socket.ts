import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type SpawnedProgram, spawnProgram } from '../../lib/daemon/program.ts';
import type { Owner } from './users.ts';

/** Receives what the members of a line tell their supervisor: sd_notify(3). */
export interface NotifySockets {
  /** For a member's $NOTIFY_SOCKET. */
  path(member: string): string;
  /** Resolves when that member has said READY=1. */
  ready(member: string): Promise<void>;
  close(): void;
}

/**
 * Node has no datagram sockets of the UNIX kind: a Perl process binds one for each member, which only its user can
 * write to, and prints `MEMBER MESSAGE` lines. It works in the sockets' folder, because a socket's address is short.
 */
const receiver = `
use Socket;
my ($folder, @members) = @ARGV;
chdir $folder or die "$folder: $!\\n";
$| = 1;
my %name;
my $all = '';
for (@members) {
  my ($name, $uid, $gid) = split /:/;
  unlink $name;
  socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!\\n";
  bind($socket, pack_sockaddr_un($name)) or die "bind: $!\\n";
  chmod 0600, $name;
  chown $uid, $gid, $name;
  vec($all, fileno $socket, 1) = 1;
  $name{fileno $socket} = [$name, $socket];
}
print "- listening\\n";
while (select(my $found = $all, undef, undef, undef) > 0) {
  for (grep { vec($found, $_, 1) } keys %name) {
    my ($name, $socket) = @{$name{$_}};
    recv($socket, my $message, 4096, 0);
    print "$name $_\\n" for split /\\n/, $message;
  }
}
`;

/** `onAlive` is told of each READY=1 and WATCHDOG=1. */
export async function openNotifySockets(
  folder: string,
  members: Readonly<Record<string, Owner>>,
  onAlive: (member: string) => void,
): Promise<NotifySockets> {
  const owned = Object.entries(members).map(([name, { uid, gid }]) => `${name}:${uid}:${gid}`);
  const program = spawnProgram('setpriv', ['--pdeathsig', 'KILL', 'perl', '-e', receiver, folder, ...owned], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const heard = new Map<string, () => void>();
  const awaited = new Map<string, Promise<void>>();
  for (const name of ['-', ...Object.keys(members)]) {
    awaited.set(name, new Promise((resolve) => heard.set(name, resolve)));
  }
  createInterface({ input: program.stdout }).on('line', (line) => {
    const [name = '', message] = line.split(/ (.*)/s);
    if (name === '-' || message === 'READY=1') heard.get(name)?.();
    if (message === 'READY=1' || message === 'WATCHDOG=1') onAlive(name);
  });
  await Promise.race([awaited.get('-'), endedEarly(program)]);
  return {
    path: (member) => join(folder, member),
    ready: (member) =>
      awaited.get(member) ?? Promise.reject(new Error(`${member} is no member of this line`)),
    close: () => program.kill('SIGKILL'),
  };
}

async function endedEarly(program: SpawnedProgram): Promise<never> {
  await program.exited;
  throw new Error('the notify sockets cannot be bound');
}
