import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../../../daemons/lib/daemon/program.ts';

const client = resolve('daemons/standalone/qrexec-client-vm');

async function perl(script: string): Promise<string> {
  const { stdout } = await run('perl', ['-e', script, client], { timeoutMs: 20_000, expectCodes: [0, 1] });
  return stdout.toString('utf8');
}

describe('the start of a call', () => {
  it('loads no module: a call is made for each signature', async () => {
    const script = `
      my $client = shift;
      END { print join ' ', sort grep { $_ ne $client } keys %INC }
      @ARGV = ('-a', '/nonexistent', 'vault', 'test.Echo');
      do $client;`;
    expect(await perl(script)).toBe('strict.pm');
  });

  it('has the numbers that this machine has', async () => {
    const script = `
      use Errno; use Fcntl; use Socket;
      open(my $file, '<', shift);
      my ($table) = join('', <$file>) =~ /my %number = (\\(.*?\\));/s;
      my %number = eval $table;
      for my $name (sort keys %number) {
        my $told = (Socket->can($name) // Fcntl->can($name) // Errno->can($name))->();
        print "$name $number{$name} $told\\n";
      }`;
    const lines = (await perl(script)).trim().split('\n');
    expect(lines).toHaveLength(13);
    for (const line of lines) expect(line).toMatch(/^\w+ (\d+) \1$/);
  });
});
