import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { openLog } from '../../../daemons/lib/daemon/log.ts';
import { type SpawnedProgram, shellStatus, spawnProgram } from '../../../daemons/lib/daemon/program.ts';
import { type Agent, startAgent } from '../../../daemons/standalone/agent/agent.ts';
import { type Broker, startBroker } from '../../../daemons/standalone/broker/broker.ts';
import type { BrokerConfig } from '../../../daemons/standalone/broker/config.ts';
import type { QubeFacts } from '../../../daemons/standalone/policy/system.ts';
import { policyOf } from '../../../daemons/standalone/policy/watch.ts';

export const clientProgram = resolve(import.meta.dirname, '../../../daemons/standalone/qrexec-client-vm');

export interface Called {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Two callers, `work` and `other`, and one door, `vault`, joined by a real broker in a temporary folder. */
export interface Site {
  readonly folder: string;
  readonly log: readonly string[];
  readonly broker: Broker;
  readonly brokerConfig: BrokerConfig;
  socketOf(qube: string): string;
  /** Writes an executable service; its text may leave out `#!/bin/sh`. */
  service(name: string, script: string): void;
  /** Links a service to a daemon's socket. */
  socketService(name: string, target: string): void;
  config(name: string, text: string): void;
  policy(text: string): void;
  start(args: readonly string[], options?: CallOptions): SpawnedProgram;
  call(args: readonly string[], options?: CallOptions): Promise<Called>;
  close(): Promise<void>;
}

export interface CallOptions {
  readonly input?: Uint8Array | string;
  readonly from?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const everything = '* * @anyvm @anyvm allow\n';

export async function openSite(policyText = everything): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), 'site-'));
  for (const name of ['policy', 'services', 'config']) mkdirSync(join(folder, name));
  const lines: string[] = [];
  const log = openLog('test', { style: 'journal', write: (line) => lines.push(line) });
  const policy = (text: string) => writeFileSync(join(folder, 'policy/30-test.policy'), text);
  policy(policyText);
  const qube = (name: string): QubeFacts => ({
    name,
    type: 'AppVM',
    tags: ['test'],
    powerState: 'Running',
    templateForDispvms: false,
  });
  const socketOf = (name: string) => join(folder, 'qubes', name, 'qrexec-agent');
  const callers = ['work', 'other', 'vault'];
  const agentSocket = join(folder, 'agents/vault/agent');
  const agent: Agent = await startAgent(
    {
      qube: 'vault',
      socket: agentSocket,
      servicePath: join(folder, 'services'),
      configPath: join(folder, 'config'),
      env: {},
    },
    { clock: systemClock, log },
  );
  const brokerConfig: BrokerConfig = {
    policyDirectories: [join(folder, 'policy')],
    qubes: [...callers.map(qube), qube('silent')],
    callers: Object.fromEntries(callers.map((name) => [name, { path: socketOf(name) }])),
    agents: { vault: agentSocket },
    disposables: {},
  };
  const broker = await startBroker({
    config: brokerConfig,
    policy: policyOf([join(folder, 'policy')], { clock: systemClock, log }),
    clock: systemClock,
    log,
  });
  const site: Site = {
    folder,
    log: lines,
    broker,
    brokerConfig,
    socketOf,
    policy,
    service(name, script) {
      const path = join(folder, 'services', name);
      writeFileSync(path, script.startsWith('#!') ? script : `#!/bin/sh\n${script}\n`);
      chmodSync(path, 0o755);
    },
    socketService: (name, target) => symlinkSync(target, join(folder, 'services', name)),
    config: (name, text) => writeFileSync(join(folder, 'config', name), text),
    start(args, { from = 'work', env = {} } = {}) {
      return spawnProgram(clientProgram, args, { env: { QREXEC_AGENT_SOCKET: socketOf(from), ...env } });
    },
    async call(args, options = {}) {
      const program = site.start(args, options);
      program.stdin.on('error', () => {});
      program.stdin.end(options.input ?? '');
      return await finish(program);
    },
    async close() {
      await broker.close();
      await agent.close();
      rmSync(folder, { recursive: true });
    },
  };
  return site;
}

/** What a started program says, and how it ends. */
export async function finish(program: SpawnedProgram): Promise<Called> {
  const [stdout, stderr, ended] = await Promise.all([
    collect(program.stdout),
    collect(program.stderr),
    program.exited,
  ]);
  return { status: shellStatus(ended), stdout, stderr: stderr.toString('utf8') };
}

async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
