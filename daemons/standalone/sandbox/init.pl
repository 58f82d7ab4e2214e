# Last step into a sandbox: its first process. Says that the sandbox is up, runs the service, collects orphans; when
# the service ends so does this, and the kernel ends whatever it left behind.
use strict;
use warnings;

my ($service) = @ARGV;
my $argument = $ENV{QREXEC_SERVICE_ARGUMENT} // '';
%ENV = (
  (map { $_ => $ENV{$_} } grep { /^(?:QREXEC_|DISPOSABLE_)/ } keys %ENV),
  PATH => '/opt/package-rebuilder/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME => '/root', USER => 'root', LOGNAME => 'root', SHELL => '/bin/sh', LANG => 'C.UTF-8',
  PACKAGE_REBUILDER_LIB => '/opt/package-rebuilder/lib',
  DISPOSABLE_SCRATCH => '/var/lib/disposable',
);
syswrite(STDERR, "sandbox: up\n");

my $child = fork() // die "fork: $!\n";
if ($child == 0) {
  { no warnings 'exec'; exec { $service } $service, (length $argument ? $argument : ()); }
  # As the agent of a qube answers what it cannot run.
  syswrite(STDERR, "$service: $!\n");
  require POSIX;
  POSIX::_exit(125);
}
open(STDIN, '<', '/dev/null');
open(STDOUT, '>', '/dev/null');
while ((my $gone = wait()) > 0) {
  exit($? & 127 ? 128 + ($? & 127) : $? >> 8) if $gone == $child;
}
