import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openForker } from '../lib/daemon/forker.ts';
import { runRole } from '../lib/daemon/role.ts';
import { serveSocket } from '../lib/wire/serve.ts';
import { answerGpg } from './gpg/answer.ts';
import { Agent } from './gpg2/agent.ts';
import { answerGpg2 } from './gpg2/answer.ts';
import { serveRelay } from './relay/serve.ts';
import { vaultDoor } from './sign/door.ts';
import { Signer } from './sign/signer.ts';
import { SignatureLog } from './signature-log.ts';

/** Calls that may be open at once: of one qube, and of all. Each may hold one document in memory. */
const maxOfOneQube = 8;
const maxConnections = 16;

/** Answers `rebuilder.Sign` and, where there is no split GPG, its services, until it is told to stop. */
await runRole('vault', process.env, async ({ clock, log, notify, stop, config, folders }) => {
  const { state, runtime } = folders;
  await mkdir(state, { recursive: true, mode: 0o700 });
  const signatures = new SignatureLog(state);
  const signer = await Signer.open({ clock, log, state, signatures, perMinute: config.common.signRate });
  const door = await serveSocket({
    path: join(runtime, 'door.sock'),
    passed: 'door',
    clock,
    log,
    maxConnections,
    maxOfOneQube,
    onCall: vaultDoor({ clock, log, signer }),
  });
  const home = join(state, 'gnupg');
  const forker = await openForker(runtime, log);
  const gpg = { clock, log, signatures, spawn: forker.spawn, home };
  const gpg2 = { clock, log, signatures, agent: new Agent(home) };
  const relay = await serveRelay({
    clock,
    log,
    runtime,
    services: new Map([
      ['qubes.Gpg', (call) => answerGpg(call, gpg)],
      ['qubes.Gpg2', (call) => answerGpg2(call, gpg2)],
    ]),
  });
  notify.ready();
  notify.status('waiting for calls');
  log.info('ready', { 'sign-rate': config.common.signRate });
  await new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener('abort', () => resolve(), { once: true });
  });
  log.info('stopping');
  await Promise.all([door.close(), relay.close()]);
  forker.close();
});
