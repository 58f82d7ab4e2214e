#!/usr/bin/perl -w
# forker.pl SOCKET: starts programs for the daemon that started it, which listens to its standard output.
# A daemon copies a hundred MiB for each program that it starts itself, and waits meanwhile; this is five, and Perl is
# essential on Debian. No modules: they take longer to load than all the rest.
# There, a connection each for standard input, output and error: u32 length, then NUL-ended words: number, descriptor; with
# descriptor 0 also program, how many arguments, arguments, and names and values of the environment.
# A program in Perl that says `exit(main(@ARGV)) if !caller();` of its package is compiled once, then forked without exec:
# what starts for each call starts in a third of the time.
# Back, a line each: `ready`; `missing NUMBER WHY`; `ended NUMBER CODE SIGNAL`. On standard input: `kill NUMBER SIGNAL`.
use strict;

my $path = shift // die "usage: forker.pl SOCKET\n";
die "$path: too long for a socket\n" if length $path > 107;
my $af_unix = 1;
my $sock_stream = "@INC" =~ m{/mips} ? 2 : 1;
socket(my $listener, $af_unix, $sock_stream, 0) or die "socket: $!\n";
my $mask = umask 077;
bind($listener, pack('S a108', $af_unix, $path)) or die "bind: $!\n";
umask $mask;
listen($listener, 4_096) or die "listen: $!\n";

# Its life is its daemon's: a signal to both finds the daemon still starting what it needs to end well.
$SIG{INT} = $SIG{TERM} = 'IGNORE';
# A child that ends just before select() must still wake it.
pipe(my $wake_read, my $wake_write) or die "pipe: $!\n";
$SIG{CHLD} = sub { syswrite($wake_write, 'x') };
my (%asked, %killed, %pid_of, %number_of, %main_of);
my $last_started = 0;
my $max_head = 8 * 1_048_576;
my $commands = '';
say_line("ready");

while (1) {
  my $readable = '';
  vec($readable, fileno $_, 1) = 1 for \*STDIN, $listener, $wake_read;
  next if select($readable, undef, undef, undef) < 0;
  my $complete = vec($readable, fileno $listener, 1) ? take_connection() : undef;
  start($complete) if defined $complete;
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
      delete $asked{$1};
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

# The number of a program of which all has come, else undef.
sub take_connection {
  my $connection;
  if (!accept($connection, $listener)) {
    exit 1 if !interrupted(undef);    # no more descriptors: the daemon then starts programs itself
    return undef;
  }
  my $length = unpack('N', take($connection, 4) // return undef);
  return undef if $length > $max_head;
  my $head = take($connection, $length) // return undef;
  my ($number, $descriptor, @words) = split(/\0/, $head, -1);
  return undef if "$number $descriptor" !~ /^\d+ [012]$/ || $killed{$number};
  $asked{$number}[$descriptor] = $connection;
  $asked{$number}[3] = \@words if $descriptor == 0;
  return 4 == grep({ defined } @{$asked{$number}}[0 .. 3]) ? $number : undef;
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
  delete @killed{grep { $_ < $number } keys %killed};
  my ($program, $count, @rest) = @$words;
  pop @rest;    # after the last NUL
  my @arguments = splice(@rest, 0, $count);
  my $main = $main_of{$program} //= compiled($program, @rest);
  my $pid = fork();
  if (!defined $pid) {
    say_line("missing $number $!");
  } elsif ($pid == 0) {
    $SIG{$_} = 'DEFAULT' for qw(CHLD INT TERM);
    open(my $report, '>&', \*STDOUT);
    open(STDIN, '<&', $in);
    open(STDOUT, '>&', $out);
    open(STDERR, '>&', $err);
    %ENV = @rest;
    if ($main) {
      undef $_ for $report, $listener, $wake_read, $wake_write, $in, $out, $err;
      %asked = ();
      ($0, $!) = ($program, 0);
      @ARGV = @arguments;
      exit($main->(@arguments));
    }
    { local $^W = 0; exec { $program } $program, @arguments; }
    syswrite($report, "missing $number $!\n");
    kill('KILL', $$);
  } else {
    ($pid_of{$number}, $number_of{$pid}) = ($pid, $number);
  }
}

# Its `main`, or 0: it is no such program. Of the environment, compiling reads what is the same for each call.
sub compiled {
  my ($program, %environment) = @_;
  local %ENV = %environment;
  my ($file) = $program =~ m{/} ? $program : grep { -x } map { "$_/$program" } split(/:/, $ENV{PATH} // '');
  open(my $handle, '<', $file // return 0) or return 0;
  my $first = readline($handle) // '';
  return 0 if $first !~ m{^#!/usr/bin/perl\b};
  my $text = do { local $/; readline($handle) };
  my ($package) = $text =~ /^package (\w+);$/m;
  return 0 if !$package || $package eq 'main' || $text !~ /^exit\(main\(\@ARGV\)\) if !caller\(\);$/m;
  do { do $file } or return 0;
  return $package->can('main');
}

sub reap {
  while ((my $pid = waitpid(-1, 1)) > 0) {    # WNOHANG
    my $number = delete $number_of{$pid} // next;
    delete $pid_of{$number};
    say_line("ended $number " . ($? >> 8) . ' ' . ($? & 127));
  }
}
