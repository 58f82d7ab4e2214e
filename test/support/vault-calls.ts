import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { systemClock as clock } from '../../daemons/lib/daemon/clock.ts';
import { spawnProgram } from '../../daemons/lib/daemon/program.ts';
import type { RawCall } from '../../daemons/lib/wire/call.ts';
import { answerGpg } from '../../daemons/vault/gpg/answer.ts';
import { Agent } from '../../daemons/vault/gpg2/agent.ts';
import { answerGpg2 } from '../../daemons/vault/gpg2/answer.ts';
import { serveRelay } from '../../daemons/vault/relay/serve.ts';
import { SignatureLog } from '../../daemons/vault/signature-log.ts';
import { heardLog } from './job-context.ts';
import { programCall } from './program-call.ts';

/** The OpenPGP services of a vault in this process, each call by the program that its qube runs. */
export interface VaultCalls {
  call(service: string): RawCall;
  close(): Promise<void>;
}

const relay = resolve(import.meta.dirname, '../../daemons/vault/relay/relay.pl');

export async function openVaultCalls(state: string): Promise<VaultCalls> {
  const runtime = mkdtempSync(join(tmpdir(), 'vault-run-'));
  const common = { clock, log: heardLog([]), signatures: new SignatureLog(state) };
  const home = join(state, 'gnupg');
  const agent = new Agent(home);
  const served = await serveRelay({
    ...common,
    runtime,
    services: new Map([
      ['qubes.Gpg', (call) => answerGpg(call, { ...common, spawn: spawnProgram, home })],
      ['qubes.Gpg2', (call) => answerGpg2(call, { ...common, agent })],
    ]),
  });
  return {
    call: (service) =>
      programCall(['perl', relay, service], {
        RUNTIME_DIRECTORY: runtime,
        QREXEC_REMOTE_DOMAIN: 'work-attester',
      }),
    async close() {
      await served.close();
      rmSync(runtime, { recursive: true, force: true });
    },
  };
}
