import { carryOut } from '../../daemons/rebuilderctl/client/carry-out.ts';
import { readManifest } from '../../daemons/rebuilderctl/client/manifest.ts';
import { places } from '../../daemons/rebuilderctl/client/places.ts';
import {
  fileMode,
  type Plan,
  planInstallation,
  planRemoval,
} from '../../daemons/rebuilderctl/client/plan.ts';
import type { FileState, Root } from '../../daemons/rebuilderctl/client/root.ts';

/** An installation of every kind of file there is: of its own, and in place of one that was there. */
export async function planSmall(root: Root, url: string): Promise<Plan> {
  const settings = { rebuilders: [url], owners: [], logLevel: 20, noFail: false };
  const own = [places.keyring, places.layout, places.aptConf].map((path) => ({
    path,
    after: () => ({ content: Buffer.from(`${path} of ${url}\n`), mode: fileMode }),
  }));
  const converted = [places.sourceList, `${places.sourceParts}/more.sources`].map((path) => ({
    path,
    after: (original: FileState | null) =>
      original && {
        ...original,
        content: Buffer.from(original.content.toString().replaceAll('http:', 'intoto:')),
      },
  }));
  return planInstallation(root, await readManifest(root), [...own, ...converted], settings);
}

/** Removes what is installed, if anything is. */
export async function removeSmall(root: Root, onStep?: () => void): Promise<void> {
  const manifest = await readManifest(root);
  if (manifest !== undefined) await carryOut(root, await planRemoval(root, manifest), onStep);
}
