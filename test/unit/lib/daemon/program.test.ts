import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ProgramError,
  type RunOptions,
  run,
  shellStatus,
  spawnProgram,
} from '../../../../daemons/lib/daemon/program.ts';
import { isAlive } from '../../../support/processes.ts';
import { type BundledProgram, bundleProgram } from '../../../support/program.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'program-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const limit = { timeoutMs: 60_000 };
const shell = (script: string, options: Partial<RunOptions> = {}) =>
  run('sh', ['-c', script], { ...limit, ...options });

async function failure(promise: Promise<unknown>): Promise<ProgramError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ProgramError);
  return error as ProgramError;
}

describe('a program that is run to its end', () => {
  it('gives what it wrote, byte for byte, and its exit code', async () => {
    const { stdout, stderr, exitCode } = await shell(
      "printf 'out\\n\\377\\000'; printf 'err\\n' >&2; exit 3",
      {
        expectCodes: [0, 3],
      },
    );
    expect(stdout).toEqual(Buffer.from('out\n\xff\0', 'latin1'));
    expect(stderr).toBe('err\n');
    expect(exitCode).toBe(3);
  });

  it('fails with another code than was expected, and says what it said last', async () => {
    const error = await failure(shell('printf partly; echo first >&2; echo "the reason" >&2; exit 4'));
    expect(error).toMatchObject({ code: 'failed', exitCode: 4, stderr: 'first\nthe reason\n' });
    expect(error.message).toBe('sh: ended with code 4: the reason');
    expect(error.stdout.toString()).toBe('partly');
  });

  it('keeps the end of its error output, and cuts its last line', async () => {
    const error = await failure(shell("head -c 200000 /dev/zero | tr '\\0' x >&2; exit 1"));
    expect(error.stderr).toHaveLength(65_536);
    expect(error.message.length).toBeLessThan(400);
  });

  it('has no input unless it is given one', async () => {
    expect((await run('cat', [], limit)).stdout).toHaveLength(0);
    const bytes = Buffer.alloc(1_000_000, 'some bytes');
    expect((await run('cat', [], { ...limit, input: bytes })).stdout.equals(bytes)).toBe(true);
    const stream = Readable.from([Buffer.from('a'), Buffer.from('b')]);
    expect((await run('cat', [], { ...limit, input: stream })).stdout.toString()).toBe('ab');
  });

  it('may leave its input unread', async () => {
    expect((await run('true', [], { ...limit, input: Buffer.alloc(4_000_000) })).exitCode).toBe(0);
  });

  it('inherits four variables at most, and none that was not meant for it', async () => {
    process.env.SECRET_OF_THE_DAEMON = 'x';
    try {
      const { stdout } = await run('env', [], { ...limit, env: { OWN: 'a=b', LANG: 'C' } });
      const names = stdout
        .toString()
        .trimEnd()
        .split('\n')
        .map((line) => line.split('=')[0]);
      expect(names.filter((name) => !['PATH', 'HOME', 'TMPDIR'].includes(name ?? '')).sort()).toEqual([
        'LANG',
        'OWN',
      ]);
      expect(stdout.toString()).toContain('OWN=a=b\n');
      expect((await run('env', [], limit)).stdout.toString()).toContain('LANG=C.UTF-8\n');
    } finally {
      delete process.env.SECRET_OF_THE_DAEMON;
    }
  });

  it('works where it is told to', async () => {
    writeFileSync(join(folder, 'here'), '');
    expect((await run('ls', [], { ...limit, cwd: folder })).stdout.toString()).toBe('here\n');
  });

  it('is missing if there is none, if it cannot be executed, or if its folder is not there', async () => {
    writeFileSync(join(folder, 'plain'), 'no program', { mode: 0o600 });
    const missing = [
      run('no-such-program-of-ours', [], limit),
      run(join(folder, 'plain'), [], limit),
      run('true', [], { ...limit, cwd: join(folder, 'nowhere') }),
    ];
    for (const one of missing) {
      expect(await failure(one)).toMatchObject({ code: 'missing', exitCode: undefined });
    }
  });

  it('is said to have died of a signal', async () => {
    const error = await failure(shell('kill -9 $$'));
    expect(error).toMatchObject({ code: 'killed', message: 'sh: died of SIGKILL' });
  });

  it.each(['> /dev/null 2>&1', ''])('takes with it what it left in the background %s', async (output) => {
    const { stdout } = await shell(`sleep 600 ${output} & echo $!`);
    const pid = Number(stdout);
    expect(pid).toBeGreaterThan(1);
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  it('is read to its end, though it ended before', async () => {
    const { stdout } = await shell('head -c 60000 /dev/zero', { maxOutput: 60_000 });
    expect(stdout).toHaveLength(60_000);
  });
});

describe('a program that goes beyond its bounds', () => {
  /** Writes the ids of itself and of two that it starts, then waits for them. */
  const family = (then = 'wait') =>
    `sleep 600 & a=$!; (sleep 600) & echo $$ $a $! > "${join(folder, 'pids')}"; ${then}`;
  const pids = () => readFileSync(join(folder, 'pids'), 'latin1').trim().split(' ').map(Number);
  const started = () => expect.poll(() => existsSync(join(folder, 'pids')) && pids().length).toBe(3);

  async function expectGone(): Promise<void> {
    expect(pids().every((pid) => pid > 1)).toBe(true);
    await expect.poll(() => pids().filter(isAlive)).toEqual([]);
  }

  it('of time is ended with all that it started', async () => {
    const error = await failure(shell(`echo so far; ${family()}`, { timeoutMs: 200 }));
    expect(error).toMatchObject({ code: 'timed-out', message: 'sh: did not end within 200 ms' });
    expect(error.stdout.toString()).toBe('so far\n');
    await expectGone();
  });

  it('of output is ended with all that it started', async () => {
    const error = await failure(shell(family('cat /dev/zero'), { maxOutput: 100_000 }));
    expect(error.code).toBe('too-much-output');
    expect(error.stdout.length).toBeLessThanOrEqual(100_000);
    await expectGone();
  });

  it('is not one that writes exactly as much as it may', async () => {
    const { stdout } = await run('head', ['-c', '100000', '/dev/zero'], { ...limit, maxOutput: 100_000 });
    expect(stdout).toHaveLength(100_000);
    expect(
      await failure(run('head', ['-c', '100001', '/dev/zero'], { ...limit, maxOutput: 100_000 })),
    ).toMatchObject({
      code: 'too-much-output',
    });
  });

  it('of patience is ended with all that it started, even where it ignores being asked', async () => {
    const over = new AbortController();
    const running = failure(
      shell(`trap '' TERM; ${family('while :; do wait; done')}`, { signal: over.signal }),
    );
    await started();
    over.abort();
    expect(await running).toMatchObject({ code: 'killed', message: 'sh: was stopped' });
    await expectGone();
  });

  it('is not started at all once it is too late', async () => {
    const reason = new Error('told to stop');
    const late = shell(family(), { signal: AbortSignal.abort(reason) });
    await expect(late).rejects.toBe(reason);
    expect(existsSync(join(folder, 'pids'))).toBe(false);
  });
});

describe('a program whose starter ends', () => {
  let bundle: BundledProgram;
  beforeAll(() => {
    bundle = bundleProgram('test/support/programs/leaves-program.ts');
  });
  afterAll(() => bundle.remove());

  it('is ended with all that it started', async () => {
    const file = join(folder, 'pid');
    const starter = spawnProgram(process.execPath, [bundle.path, file]);
    await expect.poll(() => existsSync(file) && readFileSync(file, 'latin1').endsWith('\n')).toBe(true);
    const pid = Number(readFileSync(file, 'latin1'));
    expect(isAlive(pid)).toBe(true);
    starter.stdin.end();
    expect(await starter.exited).toEqual({ code: 0, signal: null });
    await expect.poll(() => isAlive(pid)).toBe(false);
  });
});

describe('a program that is left to its caller', () => {
  const textOf = async (stream: Readable) => Buffer.concat(await stream.toArray()).toString();

  it('has its streams, and ends with a code or a signal', async () => {
    const program = spawnProgram('sh', ['-c', 'cat; echo err >&2; exit 7']);
    program.stdin.end('in');
    expect(await Promise.all([textOf(program.stdout), textOf(program.stderr)])).toEqual(['in', 'err\n']);
    expect(await program.exited).toEqual({ code: 7, signal: null });
    const killed = spawnProgram('sleep', ['600']);
    killed.kill('SIGKILL');
    expect(await killed.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('has no streams that are not pipes', async () => {
    const program = spawnProgram('true', [], { stdio: ['ignore', 'ignore', 'ignore'] });
    for (const name of ['stdin', 'stdout', 'stderr'] as const) expect(() => program[name]).toThrow(TypeError);
    await program.exited;
  });

  it('is missing if it cannot be started, and may then be killed without harm', async () => {
    const program = spawnProgram('no-such-program-of-ours', [], { detached: true });
    expect(program.pid).toBeUndefined();
    program.kill();
    expect(await failure(program.exited)).toMatchObject({ code: 'missing' });
  });

  it('ends when its signal is aborted, before its start or after', async () => {
    expect(await spawnProgram('sleep', ['600'], { signal: AbortSignal.abort() }).exited).toMatchObject({
      signal: 'SIGKILL',
    });
    const over = new AbortController();
    const program = spawnProgram('sleep', ['600'], { signal: over.signal });
    over.abort();
    expect(await program.exited).toMatchObject({ signal: 'SIGKILL' });
  });

  it('ends with all that it started if it is in a group of its own', async () => {
    const program = spawnProgram('sh', ['-c', 'sleep 600 & echo $!; wait'], { detached: true });
    const pid = Number(await new Promise((resolve) => program.stdout.once('data', resolve)));
    expect(isAlive(pid)).toBe(true);
    program.kill('SIGKILL');
    await program.exited;
    await expect.poll(() => isAlive(pid)).toBe(false);
    expect(() => program.kill('SIGKILL')).not.toThrow();
  });
});

describe('shellStatus', () => {
  it('is the code, or 128 and the signal', () => {
    expect(shellStatus({ code: 0, signal: null })).toBe(0);
    expect(shellStatus({ code: 42, signal: null })).toBe(42);
    expect(shellStatus({ code: null, signal: 'SIGKILL' })).toBe(137);
    expect(shellStatus({ code: null, signal: 'SIGTERM' })).toBe(143);
  });
});
