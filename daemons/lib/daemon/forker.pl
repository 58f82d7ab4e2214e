#!/usr/bin/perl -w
# forker.pl SOCKET: starts programs for the daemon that started it, which listens to its standard output.
# A daemon copies a hundred MiB for each program that it starts itself, and waits meanwhile; this is five, and Perl is
# essential on Debian. No modules: they take longer to load than all the rest.
# There, a connection each for standard input, output and error: u32 length, then NUL-ended words: number, descriptor; with
# descriptor 0 also program, how many arguments, arguments, and names and values of the environment.
# Back, a line each: `ready`; `missing NUMBER WHY`; `ended NUMBER CODE SIGNAL`. On standard input: `kill NUMBER SIGNAL`.
use strict;

my $path = shift // die "usage: forker.pl SOCKET\n";
die "$path: too long for a socket\n" if length $path > 107;
my $af_unix = 1;
my $sock_stream = "@INC" =~ m{/mips} ? 2 : 1;
umask 077;
socket(my $listener, $af_unix, $sock_stream, 0) or die "socket: $!\n";
bind($listener, pack('S a108', $af_unix, $path)) or die "bind: $!\n";
listen($listener, 512) or die "listen: $!\n";

# A child that ends just before select() must still wake it.
pipe(my $wake_read, my $wake_write) or die "pipe: $!\n";
$SIG{CHLD} = sub { syswrite($wake_write, 'x') };
my (%asked, %killed, %pid_of, %number_of);
my $last_started = 0;
my $commands = '';
say_line("ready");

while (1) {
  my $readable = '';
  vec($readable, fileno $_, 1) = 1 for \*STDIN, $listener, $wake_read;
  next if select($readable, undef, undef, undef) < 0;
  take_connection() if vec($readable, fileno $listener, 1);
  if (vec($readable, fileno $wake_read, 1)) {
    sysread($wake_read, my $ignored, 4_096);
    reap();
  }
  next if !vec($readable, fileno STDIN, 1);
  my $count = sysread(STDIN, $commands, 4_096, length $commands);
  exit 0 if !$count && !interrupted($count);
  while ($commands =~ s/^kill (\d+) ([A-Z]+)\n//) {
    if ($pid_of{$1}) { kill($2, $pid_of{$1}) }
    elsif ($asked{$1} || $1 > $last_started) {    # before it was started: what it lacks may never come
      $killed{$1} = 1;
      say_line("ended $1 0 9");
    }
  }
}

# Any call may be, by a child that ended; 4 is EINTR everywhere.
sub interrupted { !defined $_[0] && $! == 4 }

sub say_line {
  my $line = "$_[0]\n";
  while (length $line) {
    my $count = syswrite(STDOUT, $line);
    exit 1 if !defined $count && !interrupted($count);
    substr($line, 0, $count // 0, '');
  }
}

sub take_connection {
  accept(my $connection, $listener) or return;
  my $length = take($connection, 4) // return;
  my $head = take($connection, unpack('N', $length)) // return;
  my ($number, $descriptor, @words) = split(/\0/, $head, -1);
  $asked{$number}[$descriptor] = $connection;
  $asked{$number}[3] = \@words if $descriptor == 0;
  start($number) if 4 == grep { defined } @{$asked{$number}}[0 .. 3];
}

sub take {
  my ($connection, $size) = @_;
  my $bytes = '';
  while (length $bytes < $size) {
    my $count = sysread($connection, $bytes, $size - length $bytes, length $bytes);
    return undef if !$count && !interrupted($count);
  }
  return $bytes;
}

sub start {
  my ($number) = @_;
  my ($in, $out, $err, $words) = @{delete $asked{$number}};
  $last_started = $number if $number > $last_started;
  return if delete $killed{$number};
  my ($program, $count, @rest) = @$words;
  pop @rest;    # after the last NUL
  my @arguments = splice(@rest, 0, $count);
  my $pid = fork();
  if (!defined $pid) {
    say_line("missing $number $!");
  } elsif ($pid == 0) {
    $SIG{CHLD} = 'DEFAULT';
    open(my $report, '>&', \*STDOUT);
    open(STDIN, '<&', $in);
    open(STDOUT, '>&', $out);
    open(STDERR, '>&', $err);
    %ENV = @rest;
    { local $^W = 0; exec { $program } $program, @arguments; }
    syswrite($report, "missing $number $!\n");
    kill('KILL', $$);
  } else {
    ($pid_of{$number}, $number_of{$pid}) = ($pid, $number);
  }
}

sub reap {
  while ((my $pid = waitpid(-1, 1)) > 0) {    # WNOHANG
    my $number = delete $number_of{$pid} // next;
    delete $pid_of{$number};
    say_line("ended $number " . ($? >> 8) . ' ' . ($? & 127));
  }
}
