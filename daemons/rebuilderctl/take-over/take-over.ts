import { chown, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { qubeOf } from '../../lib/contracts/qubes.ts';
import { inheritedFolder } from '../../lib/contracts/seed.ts';
import { statOf } from '../../lib/objects/files.ts';
import { CommandError } from '../errors.ts';
import { findUser, type User } from '../host/machine.ts';
import { givePublicKey, HomeCopy } from './gnupg.ts';
import { copyPublished, publishedFiles } from './links.ts';
import { copySshFiles, sshFiles } from './ssh-keys.ts';

/** Goes on with what PackageRebuilder kept on this host. Of its own folder nothing is changed. */

const states = '/var/lib/rebuilder-line/state';

export interface Taken {
  /** A line each: what was or would be done. */
  readonly lines: readonly string[];
}

export async function takeOver(seed: string, apply: boolean): Promise<Taken> {
  if ((await statOf(seed))?.isDirectory() !== true) {
    throw new CommandError(`${seed}: there is no such folder`, 'name the one that PackageRebuilder had: DIR');
  }
  const lines = [
    ...(await takeLinks(join(seed, 'rebuild'), apply)),
    ...(await takeSsh(join(seed, 'ssh'), apply)),
    ...(await takeKeys(join(seed, 'gnupg'), apply)),
    ...(await nameDatabases(seed)),
  ];
  return { lines };
}

async function takeLinks(from: string, apply: boolean): Promise<readonly string[]> {
  if ((await statOf(from)) === undefined) return [`${from}: not there`];
  const owner = await roleUser('uploader');
  const files = await publishedFiles(from);
  const to = join(await stateOf('uploader', owner, apply), inheritedFolder);
  const what = `${files.length} published files of ${from}`;
  if ((await statOf(to)) !== undefined) return [`${to}: taken over before`];
  if (!apply) return [`${what} would go to ${to}, and stay published as they are`];
  await copyPublished(from, files, to, owner);
  return [`${what}: in ${to}, and published as they are`];
}

async function takeSsh(from: string, apply: boolean): Promise<readonly string[]> {
  const names = await sshFiles(from);
  if (names.length === 0) return [`${from}: no files there`];
  const owner = await roleUser('uploader');
  const to = join(await stateOf('uploader', owner, apply), 'ssh');
  const pin = names.includes('known_hosts')
    ? []
    : [
        `${from}: no known_hosts, so the mirror's host key is pinned nowhere: put its line into ${join(to, 'known_hosts')}`,
      ];
  if (!apply) return [`${names.join(', ')} of ${from} would go to ${to}`, ...pin];
  const { copied, kept } = await copySshFiles(from, names, to, owner);
  return [
    ...copied.map((name) => `${join(to, name)}: copied`),
    ...kept.map((name) => `${join(to, name)}: another than in ${from}, left as it is`),
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
    for (const one of fingerprints) await givePublicKey(keys, one, await copy.giveTo(home, one), attester);
    return fingerprints.map((one) => `key ${one}: in the vault, ${home}; its public half in ${keys}`);
  } finally {
    await copy.close(home);
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
  const user = await findUser(name);
  if (user === undefined)
    throw new CommandError(`user ${name} is missing`, 'install package-rebuilder-standalone');
  return user;
}

/** The folder of a role's state, made as the line makes it where it has not run yet. */
async function stateOf(role: string, owner: User, apply: boolean): Promise<string> {
  const path = join(states, role);
  if (!apply || (await statOf(path)) !== undefined) return path;
  await mkdir(states, { recursive: true, mode: 0o711 });
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chown(path, owner.uid, owner.gid);
  return path;
}
