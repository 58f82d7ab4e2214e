import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { run, type SpawnedProgram, spawnProgram } from '../../../daemons/lib/daemon/program.ts';
import { type Called, finish } from '../../unit/standalone/site.ts';
import { roleProgram } from './role-program.ts';

const checkout = resolve(import.meta.dirname, '../../..');
const standalone = join(checkout, 'daemons/standalone');

/** `root`: a user a role, as root starts it; `user`: everything as one ordinary user with subordinate ids. */
export type Mode = 'root' | 'user';
export const modes: readonly Mode[] = ['root', 'user'];
const ordinaryUser = 'rebuilder-disposable';

/** A copy of the real broker, agent and line, with roles of our own that do nothing but what a test needs. */
export interface OwnLine {
  readonly folder: string;
  /** The line's own folder. */
  readonly dir: string;
  readonly mode: Mode;
  service(door: string, name: string, script: string): void;
  policy(text: string): void;
  /** Starts it and waits until it is ready. */
  start(args?: readonly string[]): Promise<RunningLine>;
  /** Starts it and waits for its end. */
  fail(args?: readonly string[], wrap?: readonly string[]): Promise<Called>;
  close(): Promise<void>;
}

export interface RunningLine {
  readonly program: SpawnedProgram;
  readonly ready: Readonly<Record<string, unknown>>;
  readonly readyMs: number;
  call(role: string, args: readonly string[], input?: string | Uint8Array): Promise<Called>;
  startCall(role: string, args: readonly string[]): SpawnedProgram;
  log(member: string): string;
}

/** The running processes that have this text among their arguments. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
        return words.some((word) => word.includes(text)) && Number(name) !== process.pid;
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Waits, for a few seconds at most, until something holds. */
export async function eventually(what: string, holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200; turn++) {
    if (holds()) return;
    await systemClock.sleep(50);
  }
  throw new Error(`still not so: ${what}`);
}

export async function ownLine(mode: Mode): Promise<OwnLine> {
  const folder = mkdtempSync(join(tmpdir(), 'own-line-'));
  chmodSync(folder, 0o755);
  const project = join(folder, 'project/build');
  await layOut(project);
  const dir = join(folder, 'line');
  const config = join(folder, 'rebuilder.conf');
  writeFileSync(config, '[common]\nnothing = here\n');
  if (mode === 'user') {
    const { uid, gid } = await idsOf(ordinaryUser);
    mkdirSync(dir);
    chownSync(dir, uid, gid);
  }
  const command = (args: readonly string[]) => [
    ...(mode === 'user' ? asUser(ordinaryUser) : []),
    process.execPath,
    join(project, 'lib/line.js'),
    ...['--dir', dir, '--config', config, ...args],
  ];
  let running: SpawnedProgram | undefined;
  return {
    folder,
    dir,
    mode,
    service(door, name, script) {
      const path = join(project, 'qrexec/services', door, name);
      writeFileSync(path, `#!/bin/sh\n${script}\n`);
      chmodSync(path, 0o755);
    },
    policy: (text) => writeFileSync(join(project, 'qrexec/policy/10-test.policy'), text),
    async start(args = []) {
      const began = systemClock.monotonic();
      const program = spawnCommand(command(args));
      running = program;
      const stderr = collectText(program.stderr);
      const line = await new Promise<string>((resolve, reject) => {
        program.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString('utf8')));
        void program.exited.then(async () => reject(new Error(`the line ended: ${await stderr}`)));
      });
      return runningLine({ program, line, dir, mode, readyMs: systemClock.monotonic() - began, project });
    },
    async fail(args = [], wrap = []) {
      return await finish(spawnCommand([...wrap, ...command(args)]));
    },
    async close() {
      running?.kill('SIGTERM');
      await running?.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function spawnCommand([program = '', ...args]: readonly string[]): SpawnedProgram {
  return spawnProgram(program, args, { cwd: '/', env: { HOME: '/nonexistent' } });
}

async function collectText(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function runningLine(
  made: Readonly<{
    program: SpawnedProgram;
    line: string;
    dir: string;
    mode: Mode;
    readyMs: number;
    project: string;
  }>,
): RunningLine {
  const startCall = (role: string, args: readonly string[]): SpawnedProgram => {
    const qube = role === 'rebuilder' ? 'rebuilder-worker' : `rebuilder-${role}`;
    const [program = '', ...rest] = [
      ...asUser(made.mode === 'root' ? qube : ordinaryUser),
      join(made.project, 'bin/qrexec-client-vm'),
      ...args,
    ];
    return spawnProgram(program, rest, {
      cwd: '/',
      env: { QREXEC_AGENT_SOCKET: join(made.dir, 'qubes', qube, 'qrexec-agent') },
    });
  };
  return {
    program: made.program,
    ready: JSON.parse(made.line) as Record<string, unknown>,
    readyMs: made.readyMs,
    startCall,
    async call(role, args, input = '') {
      const program = startCall(role, args);
      program.stdin.on('error', () => {});
      program.stdin.end(input);
      return await finish(program);
    },
    log: (member) => readFileSync(join(made.dir, 'log', `${member}.log`), 'utf8'),
  };
}

export function asUser(name: string): readonly string[] {
  return ['setpriv', '--reuid', name, '--regid', name, '--clear-groups', '--'];
}

async function idsOf(name: string): Promise<{ uid: number; gid: number }> {
  const { stdout } = await run('getent', ['passwd', name], { timeoutMs: 10_000 });
  const [, , uid, gid] = stdout.toString('utf8').split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

/** What `npm run build` makes, with our own roles in the place of the real ones; the line asks the vault for its keys. */
async function layOut(project: string): Promise<void> {
  const lib = join(project, 'lib');
  await build({
    entryPoints: {
      ...Object.fromEntries(
        ['broker', 'agent', 'line'].map((name) => [name, join(standalone, name, 'main.ts')]),
      ),
      'rebuilder-keys': join(checkout, 'daemons/vault/keys/main.ts'),
    },
    outdir: lib,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  writeFileSync(join(lib, 'package.json'), '{ "type": "module" }\n');
  for (const role of ['orchestrator', 'getter', 'rebuilder', 'attester', 'vault', 'reporter', 'uploader']) {
    writeFileSync(join(lib, `${role}.js`), roleProgram);
  }
  cpSync(join(standalone, 'sandbox'), join(lib, 'sandbox'), { recursive: true });
  copyFileSync(join(standalone, 'line/reach.pl'), join(lib, 'reach.pl'));
  mkdirSync(join(project, 'bin'));
  copyFileSync(join(standalone, 'qrexec-client-vm'), join(project, 'bin/qrexec-client-vm'));
  cpSync(join(checkout, 'qrexec'), join(project, 'qrexec'), { recursive: true, verbatimSymlinks: true });
}
