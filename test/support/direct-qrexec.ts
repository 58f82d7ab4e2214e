import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A `qrexec-client-vm` for tests of the wire alone: no broker, no policy. It connects to one socket service and begins
 * with the header that the target's agent would write.
 */
export function directClient(folder: string, socket: string, source: string): string {
  return program(
    folder,
    `#!/usr/bin/perl
use Socket;
my (undef, $service) = @ARGV;
$SIG{PIPE} = 'IGNORE';
$service .= '+' unless $service =~ /\\+/;
socket(my $peer, AF_UNIX, SOCK_STREAM, 0) or exit 1;
connect($peer, pack_sockaddr_un('${socket}')) or exit 127;
syswrite($peer, "$service ${source}\\0");
my $sender = fork() // exit 1;
if ($sender == 0) { copy(*STDIN, $peer); shutdown($peer, 1); exit 0; }
close STDIN;
copy($peer, *STDOUT);
kill 'KILL', $sender;
exit 0;
sub copy {
  my ($from, $to) = @_;
  while (my $got = sysread($from, my $bytes, 65536)) {
    for (my $at = 0; $at < $got; ) { $at += syswrite($to, $bytes, $got - $at, $at) // return; }
  }
}
`,
  );
}

/** A client that dom0 answers with this exit status and nothing else. */
export function failingClient(folder: string, status: number): string {
  const said = status === 126 ? 'echo "Request refused" >&2\n' : '';
  return program(folder, `#!/bin/sh\n${said}exit ${status}\n`);
}

/** Any other stand-in, as a script. */
export function program(folder: string, text: string): string {
  written += 1;
  const path = join(folder, `client-${written}`);
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

let written = 0;
