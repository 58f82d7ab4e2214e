import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../../../daemons/lib/daemon/program.ts';
import { clientProgram, finish, openSite, type Site } from '../site.ts';

let site: Site;
beforeAll(async () => {
  site = await openSite();
  site.service('test.Cat', 'cat');
  site.service('test.Exit', 'cat >/dev/null; exit "$1"');
});
afterAll(() => site.close());

function tool(name: string, script: string): string {
  const path = join(site.folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

describe('the streams of a call', () => {
  it('carry any bytes unchanged both ways', async () => {
    const input = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 7) % 256));
    const { status, stdout } = await site.call(['vault', 'test.Cat'], { input });
    expect(status).toBe(0);
    expect(stdout.equals(input)).toBe(true);
  });

  it('let the service see the end of stdin, and keep its stderr apart', async () => {
    site.service('test.Count', 'n=$(wc -c); echo "read $n" >&2; echo out');
    const { stdout, stderr } = await site.call(['vault', 'test.Count'], { input: 'four' });
    expect(stdout.toString()).toBe('out\n');
    expect(stderr).toBe('read 4\n');
  });

  it('are filtered only when asked', async () => {
    site.service('test.Odd', String.raw`printf 'a\033[1m\377\t\n\r\b\a'; printf 'e\033' >&2`);
    const plain = await site.call(['vault', 'test.Odd']);
    expect(plain.stdout.toString('latin1')).toBe('a\x1b[1m\xff\t\n\r\b\x07');
    const filtered = await site.call(['-t', '-T', 'vault', 'test.Odd']);
    expect(filtered.stdout.toString('latin1')).toBe('a_[1m_\t\n\r\b\x07');
    expect(filtered.stderr).toBe('e_');
    expect((await site.call(['-t', '--no-filter-escape-chars-stdout', 'vault', 'test.Odd'])).stdout).toEqual(
      plain.stdout,
    );
  });

  it('end when the service does, though stdin is still open', async () => {
    const program = site.start(['vault', 'test.Once']);
    site.service('test.Once', 'head -c1 >/dev/null; exit 3');
    program.stdin.write('x');
    expect((await finish(program)).status).toBe(3);
  });

  it('go on when our reader has gone, until the service ends', async () => {
    site.service('test.Flood', 'head -c 3000000 /dev/zero; exit 4');
    const script = '"$1" vault test.Flood </dev/null | head -c 10 >/dev/null; echo "$PIPESTATUS"';
    const env = { QREXEC_AGENT_SOCKET: site.socketOf('work') };
    const { stdout } = await run('bash', ['-c', script, 'sh', clientProgram], { timeoutMs: 15_000, env });
    expect(stdout.toString()).toBe('4\n');
  });

  it('can share one socket with --use-stdin-socket', async () => {
    const script = `
      use Socket; socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC);
      if (!fork) { open STDIN, "<&", $b; close $a; exec @ARGV } close $b;
      syswrite $a, "ping"; shutdown $a, 1; print while <$a>; wait; exit $? >> 8`;
    const env = { QREXEC_AGENT_SOCKET: site.socketOf('work') };
    const args = ['-e', script, clientProgram, '--use-stdin-socket', 'vault', 'test.Cat'];
    expect((await run('perl', args, { timeoutMs: 15_000, env })).stdout.toString()).toBe('ping');
    expect((await site.call(['--use-stdin-socket', 'vault', 'test.Cat'])).status).toBe(0);
    const file = await run(
      'sh',
      ['-c', '"$1" --use-stdin-socket vault test.Cat </dev/null', 'sh', clientProgram],
      {
        timeoutMs: 15_000,
        env,
        expectCodes: [2],
      },
    );
    expect(file.stderr).toContain('stdin not a socket');
  });
});

describe('a local program', () => {
  it('feeds the service and reads from it, and has the old descriptors in its environment', async () => {
    const path = tool('talk', 'printf hi; cat >&"$SAVED_FD_1"; cat <&"$SAVED_FD_0" >&"$SAVED_FD_1"');
    const script = '"$1" "$2" "$3" "$4" one';
    site.service('test.Greet', 'printf "<%s>" "$(head -c2)"');
    const { stdout } = await run('sh', ['-c', script, 'sh', clientProgram, 'vault', 'test.Greet', path], {
      timeoutMs: 15_000,
      env: { QREXEC_AGENT_SOCKET: site.socketOf('work') },
      input: Buffer.from('stdin'),
    });
    expect(stdout.toString()).toBe('<hi>stdin');
  });

  it('is named by its file name and found by its path alone', async () => {
    site.service('test.Sink', 'cat >&2');
    const path = tool('named', 'printf %s "$0"');
    expect((await site.call(['vault', 'test.Sink', path])).stderr).toBe(path);
    expect((await site.call(['vault', 'test.Sink', 'true'])).status).toBe(255);
  });

  it('starts only after the call was allowed', async () => {
    const path = tool('mark', `touch ${site.folder}/started`);
    site.policy('* * @anyvm @anyvm deny\n');
    const refused = await site.call(['vault', 'test.Cat', path]);
    site.policy('* * @anyvm @anyvm allow\n');
    expect(refused).toMatchObject({ status: 126, stderr: 'Request refused\n' });
    const { stdout } = await run('ls', [site.folder], { timeoutMs: 5_000 });
    expect(stdout.toString()).not.toContain('started');
  });

  it.each([
    ['0', '0', 0],
    ['0', '5', 5],
    ['6', '0', 6],
    ['6', '5', 6],
  ])('that ends with the service at %s and itself at %s gives %i', async (remote, local, status) => {
    const path = tool(`end${remote}${local}`, `cat >/dev/null; exit ${local}`);
    const closing = tool(`close${remote}${local}`, `exec >&-; cat; exit ${local}`);
    expect((await site.call(['vault', `test.Exit+${remote}`, closing])).status).toBe(status);
    site.service(`test.Say`, `exit "$1"`);
    expect((await site.call(['vault', `test.Say+${remote}`, path])).status).toBe(status);
  });

  it('that dies of a signal counts as 128 and its number', async () => {
    const path = tool('die', 'kill -9 $$');
    expect((await site.call(['vault', 'test.Cat', path])).status).toBe(137);
  });
});
