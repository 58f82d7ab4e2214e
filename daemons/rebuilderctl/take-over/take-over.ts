import { existsSync } from 'node:fs';
import { chown, mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { installedLine, stateFolder } from '../../lib/contracts/line.ts';
import { qubeOf } from '../../lib/contracts/qubes.ts';
import { inheritedFolder, inheritedNames } from '../../lib/contracts/seed.ts';
import { findUsers, type User } from '../../lib/daemon/users.ts';
import { statOf } from '../../lib/objects/files.ts';
import { CommandError } from '../errors.ts';
import { givePublicKey, HomeCopy } from './gnupg.ts';
import { copyPublished, findPublished } from './links.ts';
import { copySshFiles, sshFiles } from './ssh-keys.ts';

/** Goes on with what PackageRebuilder kept on this host. Of its own folder nothing is changed. */

/** Tells a line for each thing that was done, or would be, as soon as it was. */
export async function takeOver(seed: string, apply: boolean, tell: (line: string) => void): Promise<void> {
  if ((await statOf(seed))?.isDirectory() !== true) {
    throw new CommandError(`${seed}: there is no such folder`, 'name the one that PackageRebuilder had: DIR');
  }
  const steps = [
    () => takeLinks(join(seed, 'rebuild'), apply),
    () => takeSsh(join(seed, 'ssh'), apply),
    () => takeKeys(join(seed, 'gnupg'), apply),
    () => nameDatabases(seed),
  ];
  for (const step of steps) for (const line of await step()) tell(line);
}

async function takeLinks(from: string, apply: boolean): Promise<readonly string[]> {
  if ((await statOf(from)) === undefined) return [`${from}: not there`];
  const owner = await roleUser('uploader');
  const state = await stateOf('uploader', owner, apply);
  const to = join(state, inheritedFolder);
  if (inheritedNames.some((name) => existsSync(join(state, name))))
    return [`${from}: taken over before, into ${state}`];
  const tree = await findPublished(from);
  const what = `${tree.files.length} published files of ${from}`;
  const others = tellLeftOut(
    from,
    tree.leftOut,
    'no name that can be published, too large, or a link to nothing',
  );
  if (!apply) return [`${what} would go to ${to}, and stay published as they are`, ...others];
  await copyPublished(tree, to, owner);
  return [`${what}: in ${to}, and published as they are`, ...others];
}

function tellLeftOut(from: string, names: readonly string[], why: string): readonly string[] {
  const shown = 10;
  const more = names.length > shown ? `, and ${names.length - shown} more` : '';
  return names.length === 0 ? [] : [`${from}: left out (${why}): ${names.slice(0, shown).join(', ')}${more}`];
}

async function takeSsh(from: string, apply: boolean): Promise<readonly string[]> {
  const { names, leftOut } = await sshFiles(from);
  const others = tellLeftOut(from, leftOut, 'no file');
  if (names.length === 0) return [`${from}: no files there`, ...others];
  const owner = await roleUser('uploader');
  const to = join(await stateOf('uploader', owner, apply), 'ssh');
  const pin = names.includes('known_hosts')
    ? []
    : [
        `${from}: no known_hosts, so the mirror's host key is pinned nowhere: put its line into ${join(to, 'known_hosts')}`,
      ];
  if (!apply) return [`${names.join(', ')} of ${from} would go to ${to}`, ...others, ...pin];
  const { copied, kept } = await copySshFiles(from, names, to, owner);
  return [
    ...copied.map((name) => `${join(to, name)}: copied`),
    ...kept.map((name) => `${join(to, name)}: another than in ${from}, left as it is`),
    ...others,
    ...pin,
  ];
}

async function takeKeys(from: string, apply: boolean): Promise<readonly string[]> {
  if ((await statOf(from)) === undefined) return [`${from}: not there`];
  const [vault, attester] = await Promise.all([roleUser('vault'), roleUser('attester')]);
  const home = join(await stateOf('vault', vault, apply), 'gnupg');
  const copy = await HomeCopy.open(from, vault);
  try {
    const fingerprints = await copy.fingerprints();
    if (fingerprints.length === 0) return [`${from}: no secret key there`];
    if (!apply) return fingerprints.map((one) => `key ${one} of ${from} would go to the vault, ${home}`);
    const keys = join(await stateOf('attester', attester, apply), 'keys');
    try {
      for (const one of fingerprints) await givePublicKey(keys, one, await copy.giveTo(home, one), attester);
    } finally {
      await copy.endAgent(home);
    }
    return fingerprints.map((one) => `key ${one}: in the vault, ${home}; its public half in ${keys}`);
  } finally {
    await copy.close();
  }
}

async function nameDatabases(seed: string): Promise<readonly string[]> {
  const databases = { broker: "Redis', its queues", backend: "MongoDB's, its results" };
  const found = await Promise.all(
    Object.entries(databases).map(async ([name, what]) => {
      const path = join(seed, name);
      const names = await readdir(path).catch(() => []);
      return names.length === 0
        ? []
        : [
            `${path} (${what}): not taken over; the archives are read anew, and what they have is rebuilt anew`,
          ];
    }),
  );
  return found.flat();
}

async function roleUser(role: string): Promise<User> {
  const name = qubeOf(role);
  const [user] = await findUsers([name]);
  if (user === undefined)
    throw new CommandError(`user ${name} is missing`, 'install package-rebuilder-standalone');
  return user;
}

/** The folder of a role's state, made as the line makes it where it has not run yet. */
async function stateOf(role: string, owner: User, apply: boolean): Promise<string> {
  const path = stateFolder(installedLine, role);
  if (!apply || (await statOf(path)) !== undefined) return path;
  await mkdir(dirname(path), { recursive: true, mode: 0o711 });
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chown(path, owner.uid, owner.gid);
  return path;
}
