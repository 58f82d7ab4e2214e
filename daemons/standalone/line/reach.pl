# Runs a command, in a mount namespace of its own, where some paths can be reached although a folder above them lets
# nobody in: `reach.pl COVERED… -- SHOWN… -- COMMAND…`. Each covered folder is hidden by an empty one that everybody may
# pass through, and the shown paths appear in it as they were.
use strict;
use warnings;
use File::Temp;

my (@covered, @shown);
push @covered, shift @ARGV while $ARGV[0] ne '--';
shift @ARGV;
push @shown, shift @ARGV while $ARGV[0] ne '--';
shift @ARGV;

my $hold = File::Temp::tempdir();
mount('-t', 'tmpfs', '-o', 'mode=700', 'hold', $hold);
for my $index (0 .. $#shown) {
  place($shown[$index], "$hold/$index");
  mount('--rbind', $shown[$index], "$hold/$index");
}
# From the outside in: what is inside a folder that was hidden is gone, unless it came back with something shown.
my %held = map { $shown[$_] => "$hold/$_" } 0 .. $#shown;
for my $path (sort @covered, @shown) {
  if (my $held = $held{$path}) {
    next if same($held, $path);
    place($held, $path);
    mount('--rbind', $held, $path);
  } elsif (-d $path) {
    mount('-t', 'tmpfs', '-o', 'mode=755,size=4m', 'covered', $path);
  }
}
system('umount', '-R', '-l', $hold) == 0 or die "reach: umount failed\n";
rmdir $hold;
exec { $ARGV[0] } @ARGV or die "reach: $ARGV[0]: $!\n";

# A folder or file to mount on, of the same kind as what is to appear there.
sub place {
  my ($like, $path) = @_;
  my @parts = split m{/}, $path;
  my $last = pop @parts;
  my $folder = '';
  for (@parts[1 .. $#parts]) {
    $folder .= "/$_";
    mkdir $folder;
  }
  if (-d $like) { mkdir $path }
  else { open(my $file, '>', $path) or die "reach: $path: $!\n" }
}

sub same {
  my ($held, $path) = @_;
  my @found = stat $path or return 0;
  my @wanted = stat $held;
  return $found[0] == $wanted[0] && $found[1] == $wanted[1];
}

sub mount {
  system('mount', @_) == 0 or die "reach: mount failed\n";
}
