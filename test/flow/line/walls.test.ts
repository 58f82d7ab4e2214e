import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../../../daemons/lib/contracts/contract.ts';
import { callers } from '../../../daemons/lib/contracts/contract.ts';
import { services } from '../../../daemons/lib/contracts/services.ts';
import { splitGpgServices } from '../../../daemons/lib/contracts/split-gpg.ts';
import { systemClock as clock } from '../../../daemons/lib/daemon/clock.ts';
import { run } from '../../../daemons/lib/daemon/program.ts';
import { parseLines } from '../../demo/follow.ts';
import { openRealLine, type RealLine } from '../../support/real-line.ts';
import { asUser } from '../standalone/own-line.ts';

/** A real line under root, looked at from inside each of its qubes by whoever has taken that qube over. */

let line: RealLine;
beforeAll(async () => {
  line = await openRealLine();
});
afterAll(() => line?.close());

const userOf = (role: Caller) => (role === 'rebuilder' ? 'rebuilder-worker' : `rebuilder-${role}`);
const socketOf = (role: Caller) => join(line.folder, 'line/qubes', userOf(role), 'qrexec-agent');

/** What a shell of that role's user gets. */
async function as(
  role: Caller,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input = '',
) {
  const [program = '', ...args] = [...asUser(userOf(role)), ...command];
  const { exitCode, stdout, stderr } = await run(program, args, {
    timeoutMs: 60_000,
    cwd: '/',
    env,
    input: Buffer.from(input),
    expectCodes: Array.from({ length: 256 }, (_, code) => code),
  });
  return { exitCode, stdout: stdout.toString(), stderr };
}
function call(role: Caller, target: string, service: string, input = '', socket = socketOf(role)) {
  const client = join(process.cwd(), 'build/bin/qrexec-client-vm');
  return as(role, ['perl', client, target, service], { QREXEC_AGENT_SOCKET: socket }, input);
}

/** Every service with every argument that any caller has, and who may. */
const every = [
  ...services.flatMap(({ service, door, allowed }) =>
    Object.entries(allowed).map(([argument, who]) => ({
      name: argument === '' ? service : `${service}+${argument}`,
      target: door === 'disposable' ? '@dispvm' : '@default',
      who: who as readonly Caller[],
    })),
  ),
  ...splitGpgServices.map((one) => ({
    name: one.service,
    target: '@default',
    who: one.callers as readonly Caller[],
  })),
];

describe.each(callers)('whoever has taken over the qube of role %s', (role) => {
  it('is refused every service that is not its own', async () => {
    const others = every.filter(({ who }) => !who.includes(role));
    expect(others.length).toBeGreaterThan(10);
    for (const { name, target } of others) {
      const { exitCode, stdout, stderr } = await call(role, target, name);
      expect([name, exitCode, stdout, stderr]).toEqual([name, 126, '', 'Request refused\n']);
    }
  });

  it('is refused a shell, a file copy or a program in any other qube', async () => {
    for (const service of ['qubes.VMShell', 'qubes.Filecopy', 'qubes.StartApp+xterm', 'qubes.OpenURL']) {
      for (const target of ['@default', '@dispvm', 'rebuilder-vault', 'rebuilder-orchestrator', 'dom0']) {
        expect([service, target, (await call(role, target, service)).exitCode]).toEqual([
          service,
          target,
          126,
        ]);
      }
    }
  });

  it('cannot call in the name of another', async () => {
    for (const other of callers.filter((name) => name !== role)) {
      const { exitCode, stderr } = await call(
        role,
        '@default',
        'rebuilder.Query+status',
        '',
        socketOf(other),
      );
      expect([other, exitCode]).toEqual([other, 1]);
      expect(stderr).toContain('Permission denied');
    }
  });

  it('sees neither state, cache, settings nor sockets of another', async () => {
    for (const part of ['line/state', 'cache', 'line/conf', 'line/run']) {
      const names = readdirSync(join(line.folder, part)).filter(
        (name) => name !== role && existsSync(join(line.folder, part, name)),
      );
      expect(names.length).toBeGreaterThan(3);
      for (const name of names) {
        const path = join(line.folder, part, name);
        const { exitCode } = await as(role, [
          'sh',
          '-c',
          'if [ -d "$0" ]; then ls "$0"; else cat "$0"; fi >/dev/null 2>&1',
          path,
        ]);
        expect(exitCode, path).not.toBe(0);
      }
    }
    for (const door of ['vault', 'orchestrator', 'disposable']) {
      const { exitCode } = await as(role, ['ls', join(line.folder, 'line/agents', door)]);
      expect([door, exitCode]).toEqual([door, 2]);
    }
  });

  it('cannot look into another’s process, nor end it', async () => {
    const pids = await pidsOfOthers(role);
    expect(pids.length).toBeGreaterThan(3);
    for (const pid of pids) {
      const looked = await as(role, ['sh', '-c', `cat /proc/${pid}/environ || kill -0 ${pid}`]);
      expect([pid, looked.exitCode, looked.stdout]).toEqual([pid, 1, '']);
    }
  });
});

async function pidsOfOthers(role: Caller): Promise<readonly string[]> {
  const users = callers.filter((name) => name !== role && !['admin', 'webhook'].includes(name)).map(userOf);
  const { stdout } = await run('ps', ['-o', 'pid=,args=', '-u', users.join(',')], { timeoutMs: 10_000 });
  const lines = stdout
    .toString()
    .split('\n')
    .filter((text) => /build\/lib\/\w+\.js/.test(text));
  return lines.map((text) => text.trim().split(/\s+/)[0] ?? '');
}

describe('somebody else’s lease', () => {
  it('is of no use: it is not renewed, nothing of it is fetched, and it is not settled', async () => {
    await line.ctl('trigger', 'rebuild', 'debootstrap', 'bookworm.all');
    let job: { id: string } | undefined;
    while (job === undefined) {
      const jobs = parseLines<{ id: string; state: string }>(await line.ctl('jobs', '--json'));
      job = jobs.find(({ id, state }) => id.endsWith('.inputs') && state === 'leased');
      await clock.sleep(50);
    }
    const held = { job: job.id, fence: 1 };
    const renewed = await call(
      'reporter',
      '@default',
      'rebuilder.Renew+report',
      `${JSON.stringify({ v: 1, leases: [held] })}\n`,
    );
    expect(JSON.parse(renewed.stdout)).toMatchObject({ ok: true, leases: [{ job: job.id, answer: 'lost' }] });
    const fetch = { v: 1, ...held, want: 'content', sha256: ['0'.repeat(64)] };
    const fetched = await call(
      'reporter',
      '@default',
      'rebuilder.Fetch+report',
      `${JSON.stringify(fetch)}\n`,
    );
    expect(JSON.parse(fetched.stdout)).toMatchObject({ ok: false });
    const outcome = { status: 'handed-back', say: 'mine now' };
    const settle = { v: 1, ...held, digest: '0'.repeat(64), outcome };
    const settled = await call(
      'uploader',
      '@default',
      'rebuilder.Return+upload',
      `${JSON.stringify(settle)}\n`,
    );
    expect(JSON.parse(settled.stdout)).not.toMatchObject({ result: 'settled' });
  });
});
