import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openForker, type Spawn } from '../../../../daemons/lib/daemon/forker.ts';
import { type SpawnedProgram, spawnProgram } from '../../../../daemons/lib/daemon/program.ts';
import { heardLog, type Told } from '../../../support/job-context.ts';

const told: Told[] = [];
const log = heardLog(told);

describe('a program', () => {
  let folder: string;
  let forker: Awaited<ReturnType<typeof openForker>>;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'forker-'));
    forker = await openForker(folder, log);
  });
  afterAll(() => {
    forker.close();
    rmSync(folder, { recursive: true });
  });

  const spawns: readonly (readonly [string, Spawn])[] = [
    ['the forker', (...how) => forker.spawn(...how)],
    ['the process itself', spawnProgram],
  ];

  describe.each(spawns)('that %s starts', (_by, spawn) => {
    const started: SpawnedProgram[] = [];
    afterEach(() => {
      for (const one of started.splice(0)) one.kill('SIGKILL');
    });
    const shell = (script: string, ...args: readonly string[]) => {
      const program = spawn('sh', ['-c', script, 'sh', ...args], { env: { GIVEN: 'a b\nc' } });
      started.push(program);
      return program;
    };

    it('has its arguments, its environment and a stream each way', async () => {
      process.env.NOT_GIVEN = 'x';
      const program = shell(
        'printf "%s|" "$GIVEN" "$NOT_GIVEN" "$LANG" "$@"; cat; echo oops >&2; exit 3',
        '',
        'ü',
      );
      program.stdin.end('typed');
      const [out, err, ended] = await Promise.all([
        text(program.stdout),
        text(program.stderr),
        program.exited,
      ]);
      expect(out).toBe('a b\nc||C.UTF-8||ü|typed');
      expect(err).toBe('oops\n');
      expect(ended).toEqual({ code: 3, signal: null });
    });

    it('passes on all that it is given, and nothing twice', async () => {
      const content = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => at % 251));
      const program = shell('exec cat');
      program.stdin.end(content);
      expect((await buffer(program.stdout)).equals(content)).toBe(true);
      expect(await program.exited).toEqual({ code: 0, signal: null });
    });

    it('that is not there is said to be missing', async () => {
      const program = spawn('/no/such/program', [], {});
      program.stdin.on('error', () => {});
      await expect(program.exited).rejects.toMatchObject({ code: 'missing' });
    });

    it('can be killed, at once or later, or by a signal', async () => {
      const atOnce = shell('sleep 600');
      atOnce.kill('SIGKILL');
      expect(await atOnce.exited).toEqual({ code: null, signal: 'SIGKILL' });
      const later = shell('echo on; exec sleep 600');
      await new Promise((resolve) => later.stdout.once('data', resolve));
      later.kill();
      expect(await later.exited).toEqual({ code: null, signal: 'SIGTERM' });
      const over = new AbortController();
      const stopped = spawn('sleep', ['600'], { signal: over.signal });
      over.abort();
      expect(await stopped.exited).toEqual({ code: null, signal: 'SIGKILL' });
      atOnce.kill();
    });

    it('may end before it has read its input, or be left by who listened', async () => {
      const deaf = shell('exec 0<&-; echo heard nothing');
      deaf.stdin.on('error', () => {});
      deaf.stdin.write(Buffer.alloc(1_000_000));
      expect(await text(deaf.stdout)).toBe('heard nothing\n');
      expect(await deaf.exited).toMatchObject({ code: 0 });
      const loud = shell('exec yes');
      await new Promise((resolve) => loud.stdout.once('data', resolve));
      loud.stdout.destroy();
      expect(await loud.exited).not.toMatchObject({ code: 0 });
    });

    it('is compiled once, or each time, and begins anew for each call', async () => {
      const script = join(folder, 'counts');
      writeFileSync(
        script,
        `#!/usr/bin/perl -w
use strict;
package Counts;
my $calls = 0;
sub main {
  my $input = join '', <STDIN>;
  print STDOUT join('|', ++$calls, $0, @_, $ENV{GIVEN}, $input, grep { -e "/proc/self/fd/$_" } 3 .. 20);
  print STDERR "oops";
  return 5;
}
exit(main(@ARGV)) if !caller();
1;
`,
      );
      chmodSync(script, 0o755);
      for (const word of ['one', 'two']) {
        const program = spawn(script, [word, ''], { env: { GIVEN: 'given' } });
        program.stdin.end('typed');
        expect(await text(program.stdout)).toBe(`1|${script}|${word}||given|typed`);
        expect(await text(program.stderr)).toBe('oops');
        expect(await program.exited).toEqual({ code: 5, signal: null });
      }
    });

    it('is one of many at once, each with its own', async () => {
      const said = await Promise.all(
        Array.from({ length: 100 }, async (_, number) => {
          const program = shell('cat; exit "$1"', String(number));
          program.stdin.end(String(number));
          return [await text(program.stdout), (await program.exited).code];
        }),
      );
      expect(said).toEqual(Array.from({ length: 100 }, (_, number) => [String(number), number]));
    });
  });

  const pidOf = () => readdirSync('/proc').find((pid) => isForkerOf(pid, folder)) ?? '';
  const descriptorsOf = (pid: string) => readdirSync(`/proc/${pid}/fd`).length;

  it('that was told to end at once, or that its caller left, leaves nothing behind in the forker', async () => {
    const before = descriptorsOf(pidOf());
    const ends = Array.from({ length: 100 }, (_, at) => {
      const over = new AbortController();
      const one = forker.spawn('sleep', ['600'], { signal: over.signal });
      const leave = () => {
        one.stdin.destroy();
        one.stdout.destroy();
        if (at % 4 < 2) over.abort();
        else one.stderr.destroy();
      };
      if (at % 2 === 0) leave();
      else setImmediate(leave);
      return one.exited;
    });
    expect(new Set((await Promise.all(ends)).map(({ signal }) => signal))).not.toContain(null);
    await expect.poll(() => descriptorsOf(pidOf())).toBeLessThanOrEqual(before);
  });

  it('is started however many are asked for at once', async () => {
    const many = Array.from({ length: 400 }, () => forker.spawn('true', [], {}));
    for (const { stdin } of many) stdin.end();
    for (const { exited } of many) expect(await exited).toEqual({ code: 0, signal: null });
  });

  it('is not disturbed by a connection that says nonsense, nor by a signal to the forker', async () => {
    for (const bytes of [Buffer.alloc(4, 0xff), Buffer.from([0, 0, 0, 6, 0x35, 0, 0x2d, 0x31, 0, 0])]) {
      const socket = connect(join(folder, 'forker.sock'));
      socket.on('error', () => {});
      socket.end(bytes);
      await new Promise((resolve) => socket.once('close', resolve));
    }
    process.kill(Number(pidOf()), 'SIGTERM');
    expect(await forker.spawn('true', [], {}).exited).toEqual({ code: 0, signal: null });
    expect(() => forker.spawn('true', ['a\0b'], {})).toThrow(TypeError);
  });

  it('that is the qrexec client has its options each time, as when it is run', async () => {
    const client = resolve('daemons/standalone/qrexec-client-vm');
    for (const spawn of [forker.spawn, spawnProgram, forker.spawn]) {
      const help = spawn(client, ['-h'], {});
      help.stdin.end();
      expect(await text(help.stdout)).toContain('usage: ');
      expect(await help.exited).toEqual({ code: 0, signal: null });
      const call = spawn(client, ['-a', '/nonexistent/agent', '@default', 'some.Service'], {});
      call.stdin.end();
      expect(await text(call.stderr)).toBe('connect: No such file or directory\n');
      expect(await call.exited).toEqual({ code: 1, signal: null });
    }
  });

  it('is started by the process itself when there is no forker any more, or never was', async () => {
    const own = mkdtempSync(join(tmpdir(), 'forker-'));
    const gone = await openForker(own, log);
    const running = gone.spawn('sh', ['-c', 'echo on; exec sleep 1'], {});
    await new Promise((resolve) => running.stdout.once('data', resolve));
    gone.close();
    expect(await running.exited).toMatchObject({ signal: 'SIGKILL' });
    expect(told).toEqual([]);
    rmSync(own, { recursive: true });
    const never = await openForker(join(own, 'not-there'), log);
    for (const one of [gone, never])
      expect(await one.spawn('true', [], {}).exited).toMatchObject({ code: 0 });
  });
});

function isForkerOf(pid: string, folder: string): boolean {
  if (!/^\d+$/.test(pid)) return false;
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words[2] === join(folder, 'forker.sock');
  } catch {
    return false;
  }
}
