#!/usr/bin/perl -w
# vault-relay.pl SERVICE: one call of an OpenPGP service, whose standard streams these are, to the vault's daemon and back.
# A process a call is what an executable service is, and Perl without modules starts in milliseconds.
# There: the header of a socket service, `SERVICE+ SOURCE NUL`, then each piece as it was read: u32 length, bytes; 0 for the
# end. Back: u8 kind, u32 length, bytes: 1 is for standard output, 2 for standard error, 0 holds the exit status, a u32.
use strict;

package VaultRelay;

my $af_unix = 1;
my $sock_stream = "@INC" =~ m{/mips} ? 2 : 1;
my ($daemon, $received) = (undef, '');

# Never returns: the call's exit status is the process's own.
sub main {
  my $service = shift // fail('usage: vault-relay.pl SERVICE');
  my $source = $ENV{QREXEC_REMOTE_DOMAIN} // 'unknown';
  my $folder = $ENV{RUNTIME_DIRECTORY} // '/run/package-rebuilder/vault';
  socket($daemon, $af_unix, $sock_stream, 0) or fail("socket: $!");
  # A path however long fits, for the address holds its last part alone.
  chdir $folder or fail("the vault's daemon is not there: $folder: $!", 125);
  connect($daemon, pack('S a108', $af_unix, 'relay.sock')) or fail("the vault's daemon does not answer: $!", 125);
  $SIG{PIPE} = 'IGNORE';    # a daemon that has read enough still answers
  put($daemon, "$service+ $source\0");
  my $input = \*STDIN;
  while (1) {
    my $readable = '';
    vec($readable, fileno $daemon, 1) = 1;
    vec($readable, fileno $input, 1) = 1 if $input;
    next if select($readable, undef, undef, undef) < 0;
    if ($input && vec($readable, fileno $input, 1)) {
      my $piece = '';
      sysread($input, $piece, 65_536);
      undef $input if !put($daemon, pack('N', length $piece) . $piece) || $piece eq '';
    }
    next if !vec($readable, fileno $daemon, 1);
    sysread($daemon, $received, 65_536, length $received) or fail("the vault's daemon went away", 255);
    take();
  }
}

sub take {
  # A refusal is the door's own reply, in JSON: too many calls are open.
  fail("the vault's daemon is busy", 125) if $received =~ /^\{/;
  while (length $received >= 5) {
    my ($kind, $length) = unpack('C N', $received);
    return if length $received < 5 + $length;
    my $bytes = substr($received, 5, $length);
    substr($received, 0, 5 + $length, '');
    if    ($kind == 0) { exit unpack('N', $bytes) }
    elsif ($kind == 1) { put(\*STDOUT, $bytes) or exit 1 }
    elsif ($kind == 2) { put(\*STDERR, $bytes) or exit 1 }
    else               { fail("the vault's daemon said what nobody here understands", 255) }
  }
}

sub put {
  my ($handle, $bytes) = @_;
  while (length $bytes) {
    my $count = syswrite($handle, $bytes);
    return 0 if !defined $count;
    substr($bytes, 0, $count, '');
  }
  return 1;
}

# 125 and 255 are what qrexec ends a call with that it could not make, or lost: a caller may try again.
sub fail { print STDERR "$_[0]\n"; exit($_[1] // 1) }

exit(main(@ARGV)) if !caller();
1;
