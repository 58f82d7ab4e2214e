import { readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import type { AptAnswer } from '../support/apt-root.ts';
import type { LocalArchive } from '../support/local-archive.ts';
import { makeTamperedArchive } from './tampered.ts';
import type { Verifier } from './verifier.ts';
import { serveSites } from './web.ts';

/** Whom the machine of somebody who verifies believes. */
export type Trust = Readonly<{ layout: string; keyring: string; ownerKey: string }>;

/** Real apt, which asks a publication about each package that it is to install. */
export interface AskedApt {
  /** From the official archives that a package was rebuilt from. */
  install(name: string): Promise<AptAnswer>;
  /** From an archive of which everything is in order but one byte of that package. */
  installTampered(name: string): Promise<AptAnswer>;
  close(): Promise<void>;
}

/** `rebuilt`: what `rebuilderctl results --output` wrote of a package; `deb`: the name of its file that is tampered with. */
export async function openApt(
  verifier: Verifier,
  at: Readonly<{ publication: string; rebuilt: string; deb: string }>,
  trust: Trust,
): Promise<AskedApt> {
  const releases = readReleases(at.rebuilt);
  const tampered = await makeTamperedArchive(join(at.rebuilt, at.deb));
  await cp(tampered.keyring, join(verifier.folder, keyring));
  const web = await serveSites({
    rebuild: { folder: at.publication },
    tampered: { folder: tampered.root },
    ...Object.fromEntries(releases.map(({ archive }, index) => [`archive${index}`, { mirror: archive }])),
  });
  await verifier.configure({ ...trust, rebuilder: `${web.url}/rebuild` });
  const host = web.url.replace('http:', 'intoto:');
  const official = releases.map(({ suite }, index) => `deb ${host}/archive${index} ${suite} main`).join('\n');
  return {
    async install(name) {
      await verifier.update(official);
      return await verifier.install(name);
    },
    async installTampered(name) {
      await verifier.update(`deb [signed-by=/${keyring}] ${host}/tampered demo main`);
      return await verifier.install(name);
    },
    close: async () => await closeAll(web, tampered),
  };
}

const keyring = 'usr/share/keyrings/demo-archive.gpg';

async function closeAll(web: { close: () => Promise<void> }, tampered: LocalArchive): Promise<void> {
  tampered.remove();
  await web.close();
}

/** The archives that a build's evidence comes from. */
export function readReleases(rebuilt: string): readonly Readonly<{ archive: string; suite: string }>[] {
  return JSON.parse(readFileSync(join(rebuilt, 'evidence/evidence.json'), 'utf8')).releases;
}
