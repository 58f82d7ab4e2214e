# Third step into a sandbox: runs the command as first process and root of the inner namespaces. unshare(1) cannot map
# their users, for newuidmap works only once; whoever may write the map is this process, which stays outside.
use strict;
use warnings;
use Config;

# unshare(2) and prctl(2) have no other name in Perl than their numbers.
my %numbers = (
  x86_64 => [272, 157], aarch64 => [97, 167], riscv64 => [97, 167], loongarch64 => [97, 167],
  i386 => [310, 172], arm => [337, 172], powerpc64le => [282, 171], s390x => [303, 172],
);
my ($machine) = $Config{archname} =~ /^([^-]+)/;
my ($unshare, $prctl) = @{$numbers{$machine} // die "sandbox: no system call numbers for $machine\n"};
use constant {
  NEW_MOUNT => 0x20000, NEW_UTS => 0x4000000, NEW_IPC => 0x8000000, NEW_USER => 0x10000000, NEW_PID => 0x20000000,
  NEW_NETWORK => 0x40000000, NEW_CGROUP => 0x2000000, NEW_TIME => 0x80,
  PR_SET_PDEATHSIG => 1, SIGKILL => 9,
  # Of the 65536 ids of the outer namespace all but the first, the agent's own user.
  MAP => "0 1 65535\n",
};
my $namespaces = NEW_USER | NEW_MOUNT | NEW_PID | NEW_NETWORK | NEW_IPC | NEW_UTS;
$namespaces |= NEW_CGROUP if -e '/proc/self/ns/cgroup';
$namespaces |= NEW_TIME if -e '/proc/self/ns/time';

pipe(my $unshared_read, my $unshared_write) or die "sandbox: pipe: $!\n";
pipe(my $mapped_read, my $mapped_write) or die "sandbox: pipe: $!\n";
my $within = fork() // die "sandbox: fork: $!\n";
if ($within == 0) {
  close $mapped_write;
  syscall($unshare, $namespaces) == 0 or die "sandbox: unshare: $!\n";
  close $unshared_write;
  # The outer process dies: no more is written, and nothing goes on here.
  exit 125 unless <$mapped_read>;
  $) = '0 0';
  $( = 0;
  ($<, $>) = (0, 0);
  die "sandbox: cannot become root within: $!\n" if "$<$>" ne '00' || $( != 0;
  die_with_parent();
  my $first = fork() // die "sandbox: fork: $!\n";
  if ($first == 0) {
    die_with_parent();
    exec { $ARGV[0] } @ARGV or die "sandbox: $ARGV[0]: $!\n";
  }
  leave($first);
}
close $unshared_write;
<$unshared_read>;
for my $kind (qw(uid gid)) {
  open(my $map, '>', "/proc/$within/${kind}_map") or die "sandbox: ${kind}_map: $!\n";
  syswrite($map, MAP) or die "sandbox: ${kind}_map: $!\n";
}
close $mapped_read;
syswrite($mapped_write, "mapped\n");
close $mapped_write;
leave($within);

# A change of users clears the signal, so it is asked for after it.
sub die_with_parent {
  syscall($prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 or die "sandbox: prctl: $!\n";
}

sub leave {
  my ($child) = @_;
  # What the sandbox says ends with the sandbox.
  open(STDIN, '<', '/dev/null');
  open(STDOUT, '>', '/dev/null');
  open(STDERR, '>', '/dev/null');
  waitpid($child, 0);
  exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
}
