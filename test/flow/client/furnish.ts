import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { dayMs } from '../../../daemons/lib/domain/date.ts';
import type { Artifacts } from '../../../daemons/lib/domain/link.ts';
import type { World } from './world.ts';

export const many = Array.from({ length: 40 }, (_, index) => `many-${index}`);

const version = '1.0-1';
const epoch = '1:2.0~rc1+dfsg-1';
const binNmu = '1.0-1+b1';
const other = 'ab'.repeat(32);

/** Fills the archive and the rebuilders' folders; the layouts by their names. */
export async function furnish(world: World): Promise<ReadonlyMap<string, string>> {
  const plain = ['plain', 'alone', 'disputed', 'wrong', 'two-hashes', 'left-out', 'missing', 'disguised'];
  const more = ['unlisted', 'forged', 'changed', 'other-step', 'redirected', 'to-https', ...many];
  for (const name of [...plain, ...more]) world.add({ package: name, version });
  for (const name of ['epoch', 'epoch-pool', 'epoch-disk']) {
    world.add({ package: name, version: epoch, architecture: 'amd64' });
  }
  for (const name of ['binnmu', 'binnmu-of'])
    world.add({ package: name, version: binNmu, architecture: 'amd64' });
  world.archive.publish({ editPackages: disguise(world) });
  redirect(world);
  await publishLinks(world);
  return await makeLayouts(world);
}

async function publishLinks(world: World): Promise<void> {
  const products = (name: string): Artifacts => ({
    [world.file(name).name]: { sha256: world.file(name).sha256 },
  });
  const pool = (name: string): Artifacts => ({
    [world.file(name).name.replace('1%3a', '')]: { sha256: world.file(name).sha256 },
  });
  const link = (name: string) => world.link(products(name), 'alice');
  for (const name of ['plain', 'alone', 'disputed', 'to-https', ...many])
    world.publish('alice', name, version, await link(name));

  const both = { ...products('epoch'), ...pool('epoch') };
  world.publish('alice', 'epoch', epoch, await world.link(both, 'alice'));
  world.publish('alice', 'epoch-disk', epoch, await link('epoch-disk'));
  world.publish('alice', 'epoch-pool', epoch, await world.link(pool('epoch-pool'), 'alice'));
  world.publish('alice', 'binnmu', binNmu, await link('binnmu'));
  world.publish('alice', 'binnmu-of', version, await link('binnmu-of'));

  const hashes = (sha256: string, sha512?: string) => ({ sha256, ...(sha512 ? { sha512 } : {}) });
  const wrong = { [world.file('wrong').name]: hashes(other) };
  world.publish('alice', 'wrong', version, await world.link(wrong, 'alice'));
  const two = { [world.file('two-hashes').name]: hashes(world.file('two-hashes').sha256, other + other) };
  world.publish('alice', 'two-hashes', version, await world.link(two, 'alice'));
  world.publish('alice', 'left-out', version, await link('plain'));

  world.publish('bob', 'plain', version, await world.link(products('plain'), 'bob'));
  const further = { ...products('disputed'), 'further_1.0-1_all.deb': hashes(other) };
  world.publish('bob', 'disputed', version, await world.link(further, 'bob'));
  world.publish('twin', 'plain', version, await world.link(wrong, 'twin'));

  world.publish('alice', 'unlisted', version, await world.link(products('unlisted'), 'unlisted'));
  const forged = await world.link(products('forged'), 'unlisted');
  const [own, claimed] = [world.fingerprint('unlisted'), world.fingerprint('alice')];
  world.publish('alice', 'forged', version, forged.replaceAll(own.toLowerCase(), claimed.toLowerCase()));
  const changed = await world.link({ [world.file('changed').name]: hashes(other) }, 'alice');
  world.publish('alice', 'changed', version, changed.replace(other, world.file('changed').sha256));
  world.publish(
    'alice',
    'other-step',
    version,
    await world.link(products('other-step'), 'alice', { name: 'build' }),
  );
  world.publish('nonsense', 'plain', version, '<html>It works!</html>');
  world.publish('silent', 'plain', version, await link('plain'));
  for (const server of [world.servers.rebuilders, world.servers.rebuildersTls]) {
    server.misbehave(/^\/silent\//, { kind: 'stall', bytes: 0 });
    server.misbehave(/^\/moved\/.*\/plain\//, {
      kind: 'redirect',
      to: `/alice/sources/plain/${version}/metadata`,
    });
  }
}

async function makeLayouts(world: World): Promise<ReadonlyMap<string, string>> {
  const foreign = await world.layout(['alice', 'bob'], 1, { signer: 'stranger' });
  const [stranger, owner] = [world.fingerprint('stranger'), world.fingerprint('owner')];
  const one = await world.layout(['alice', 'bob'], 1);
  return new Map([
    ['one', one],
    ['two', await world.layout(['alice', 'bob'], 2)],
    ['twins', await world.layout(['alice', 'twin'], 1)],
    ['expired', await world.layout(['alice', 'bob'], 1, { expires: -dayMs })],
    ['foreign', foreign],
    ['forged', foreign.replaceAll(stranger.toLowerCase(), owner.toLowerCase())],
    ['changed', one.replace('"readme": ""', '"readme": "Trust me."')],
  ]);
}

/** The index names a file that does not look like a package. */
function disguise(world: World): (packages: string) => string {
  const found = /^Filename: (.*\/disguised_\S+)\.deb$/m;
  return (packages) => {
    const [, path = ''] = found.exec(packages) ?? [];
    copyFileSync(join(world.archive.root, `${path}.deb`), join(world.archive.root, `${path}.dat`));
    world.rename('disguised', 'disguised_1.0-1_all.dat');
    return packages.replace(found, 'Filename: $1.dat');
  };
}

/** The archive sends whoever asks for one package to another server, and for another to itself by https. */
function redirect(world: World): void {
  const { archive, archiveTls, rebuilders } = world.servers;
  const { name } = world.file('redirected');
  const to = join(world.folder, 'rebuilders/debs', name);
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(join(world.archive.root, 'pool/main/r/redirected', name), to);
  archive.misbehave(/\/redirected_/, { kind: 'redirect', to: `${rebuilders.url}/debs/${name}` });
  const path = `pool/main/t/to-https/${world.file('to-https').name}`;
  archive.misbehave(/\/to-https_/, { kind: 'redirect', to: `${archiveTls.url}/${path}` });
}
