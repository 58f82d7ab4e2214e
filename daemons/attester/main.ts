import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LookupStore } from '../lib/archive/lookup-store.ts';
import { openForker } from '../lib/daemon/forker.ts';
import { runRole } from '../lib/daemon/role.ts';
import { signedVerdicts } from '../lib/domain/verdict.ts';
import { qrexecCaller } from '../lib/wire/call.ts';
import { runWorker } from '../lib/worker/worker.ts';
import { attest } from './attest.ts';
import { KnownEvidence } from './compare/examine.ts';
import { readPublicKeys, signAs } from './keys.ts';
import { Notices } from './notices.ts';
import { keysFolder, openSettings } from './settings.ts';
import { splitGpgSigner } from './sign/split-gpg.ts';
import { splitGpg2Signer } from './sign/split-gpg2.ts';
import { openVaultAgent } from './sign/vault-agent.ts';
import { patientSigner } from './sign/vault-away.ts';
import { openVaultSigners } from './sign/vault-signer.ts';

/** Builds attested at once: most of a job is waiting for the vault. */
const slots = 4;

await runRole('attester', process.env, async ({ clock, log, notify, stop, config, folders }) => {
  const forker = await openForker(folders.runtime, log);
  const caller = qrexecCaller({ clock, log, spawn: forker.spawn });
  const folder = keysFolder(folders.state);
  const keys = await readPublicKeys(folder);
  const usesAgent = Object.values(config.projects).some(({ openpgp }) => openpgp === 'qubes.Gpg2');
  const publicKeys = [...keys.values()].map(({ armored }) => armored);
  const agent = usesAgent
    ? await openVaultAgent({ home: join(folders.runtime, 'gpg'), publicKeys, caller, clock })
    : undefined;
  const vault = await openVaultSigners(folder, { caller, clock });
  const settings = openSettings({
    config,
    keys,
    keysFolder: folder,
    vault,
    signerFor: (key, by) => {
      const user = () => signAs(key, by, clock.now());
      const signer =
        by === 'qubes.Gpg2' && agent !== undefined
          ? splitGpg2Signer(key.fingerprint, agent, { user })
          : splitGpgSigner(key.fingerprint, { caller, clock, user });
      return patientSigner(signer, clock);
    },
    now: clock.now(),
  });
  for (const [project, { dists, signKey }] of Object.entries(config.projects)) {
    if (dists.length > 0 && signKey === undefined) {
      log.warning('in-toto-sign-key-fpr is not set: verdicts are kept, no link is published', { project });
    }
  }
  const unsigned = signedVerdicts.filter((verdict) => vault[verdict] === undefined);
  if (unsigned.length > 0) {
    log.warning('keys of rebuilder.Sign are not here: their verdicts get no statement', {
      missing: unsigned.map((verdict) => join(folder, `${verdict}.pem`)).join(' '),
    });
  }
  const notices = new Notices({ watched: settings.projects, clock, log });
  const scratch = join(folders.cache, 'jobs');
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch, { recursive: true });
  const lookups = new LookupStore(join(folders.cache, 'lookups'), { clock });
  const known = new KnownEvidence(clock);
  notify.ready();
  await runWorker({
    queue: 'attest',
    caller,
    clock,
    log,
    notify,
    stop,
    slots: Array.from({ length: slots }, () => ({ kinds: ['build'] })),
    notices: () => notices.current(),
    handle: (context) => attest(context, { clock, lookups, known, scratch, settingsOf: settings.of }),
  });
  await agent?.close();
  forker.close();
});
