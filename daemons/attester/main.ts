import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LookupStore } from '../lib/archive/lookup-store.ts';
import { systemClock as clock } from '../lib/daemon/clock.ts';
import { configPaths, loadConfig } from '../lib/daemon/config.ts';
import { openLog } from '../lib/daemon/log.ts';
import { openNotify } from '../lib/daemon/notify.ts';
import { stopSignal } from '../lib/daemon/stop.ts';
import { qrexecCaller } from '../lib/wire/call.ts';
import { runWorker } from '../lib/worker/worker.ts';
import { attest } from './compare/attest.ts';
import { readPublicKeys } from './keys.ts';
import { keysFolder, openSettings } from './settings.ts';
import { splitGpgSigner } from './sign/split-gpg.ts';

/** Builds attested at once: most of a job is waiting for the vault. */
const slots = 4;

const log = openLog('attester');
const notify = openNotify(clock);
const stop = stopSignal();
const { STATE_DIRECTORY: state = '/var/lib/package-rebuilder/attester' } = process.env;
const { CACHE_DIRECTORY: cache = '/var/cache/package-rebuilder/attester' } = process.env;

try {
  const config = loadConfig('attester', { paths: configPaths(process.env), env: process.env });
  for (const warning of config.warnings) log.warning(warning);
  const caller = qrexecCaller({ clock, log });
  const folder = keysFolder(state);
  const settingsOf = openSettings({
    config,
    keys: await readPublicKeys(folder),
    keysFolder: folder,
    signerFor: (fingerprint) => splitGpgSigner(fingerprint, { caller, clock }),
    now: clock.now(),
  });
  for (const [project, { dists, signKey }] of Object.entries(config.projects)) {
    if (dists.length > 0 && signKey === undefined) {
      log.warning('in-toto-sign-key-fpr is not set: verdicts are kept, no link is published', { project });
    }
  }
  const scratch = join(cache, 'jobs');
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch, { recursive: true });
  const lookups = new LookupStore(join(cache, 'lookups'), { clock });
  notify.ready();
  await runWorker({
    queue: 'attest',
    caller,
    clock,
    log,
    notify,
    stop,
    slots: Array.from({ length: slots }, () => ({ kinds: ['build'] })),
    handle: (context) => attest(context, { clock, lookups, scratch, settingsOf }),
  });
} catch (error) {
  log.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
} finally {
  notify.stopping();
  notify.close();
}
