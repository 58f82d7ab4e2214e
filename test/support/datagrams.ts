import { startLines } from './processes.ts';

/** Node has no datagram sockets of the UNIX kind: Perl binds one and prints what it receives, a line of hex a message. */
const receiver = `
use Socket;
$| = 1;
(my $path = $ARGV[0]) =~ s/^@/\\0/;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!\\n";
bind($socket, pack_sockaddr_un($path)) or die "bind: $!\\n";
print "bound\\n";
while (defined recv($socket, my $message, 65536, 0)) { print unpack('H*', $message), "\\n"; }
`;

export interface DatagramReceiver {
  next(): Promise<string>;
  close(): Promise<void>;
}

/** A socket at `path`, or of that abstract name if it begins with `@`. */
export async function receiveDatagrams(path: string): Promise<DatagramReceiver> {
  const { program, line } = startLines('perl', ['-e', receiver, path]);
  if ((await line()) !== 'bound') throw new Error(`${path} cannot be bound`);
  return {
    next: async () => Buffer.from((await line()) ?? '', 'hex').toString('utf8'),
    async close() {
      program.kill('SIGKILL');
      await program.exited;
    },
  };
}
