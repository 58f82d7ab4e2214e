import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../daemons/lib/daemon/program.ts';
import type { DemoPackage, DemoSummary } from './summary.ts';

/**
 * Holds every field of the summary against the files, with programs that are not ours: sha256sum, gpgv over the
 * archive's own signed index, in-toto-sign over the links, and what apt wrote. Returns what does not agree.
 */
export async function checkSummary(options: {
  folder: string;
  /** `InRelease` files with their `Packages`, as the mirror serves them, and the keyring that vouches. */
  indexes: readonly Readonly<{ inRelease: string; packages: string; packagesPath: string }>[];
  archiveKeyring: string;
  /** Folder of the rebuilt files, one folder a source. */
  rebuilt: string;
  aptLogs: Readonly<{ good: string; epoch: string; tampered: string; unattested: string }>;
  rebuilderKey: string;
  ownerKey: string;
}): Promise<readonly string[]> {
  const wrong: string[] = [];
  const summary = JSON.parse(await readFile(join(options.folder, 'summary.json'), 'utf8')) as DemoSummary;
  const official = await officialHashes(options.indexes, options.archiveKeyring);
  const keyring = join(options.folder, summary.keyring);

  for (const built of summary.packages) {
    for (const complaint of await checkPackage(built, official, options, summary)) {
      wrong.push(`${built.source}: ${complaint}`);
    }
  }
  wrong.push(...(await checkApt(summary, options.aptLogs)));
  await run(
    'in-toto-sign',
    [
      '-f',
      join(options.folder, summary.layout),
      '--verify',
      '--gpg',
      options.ownerKey.toLowerCase(),
      '--gpg-home',
      keyring,
    ],
    { timeoutMs: 60_000 },
  ).catch((error) => wrong.push(`layout: its owner's signature does not verify: ${error.message}`));
  const published = join(options.folder, summary.publication, `${options.rebuilderKey}.asc`);
  if (!existsSync(published)) wrong.push(`publication: no ${options.rebuilderKey}.asc`);
  return wrong;
}

async function checkPackage(
  built: DemoPackage,
  official: ReadonlyMap<string, string>,
  options: { folder: string; rebuilt: string; rebuilderKey: string },
  summary: DemoSummary,
): Promise<string[]> {
  const wrong: string[] = [];
  const judged = built.files.filter((file) => file.verdict !== 'not-judged');
  for (const file of built.files) {
    const listed = official.get(file.name) ?? null;
    if (file.officialSha256 !== listed) {
      wrong.push(`${file.name}: the signed index says ${listed}, the summary ${file.officialSha256}`);
    }
    const path = join(options.rebuilt, built.source, file.name);
    const rebuilt = existsSync(path) ? await sha256sum(path) : null;
    if (file.rebuiltSha256 !== rebuilt) {
      wrong.push(`${file.name}: sha256sum says ${rebuilt}, the summary ${file.rebuiltSha256}`);
    }
    const same = listed !== null && rebuilt === listed;
    if ((file.verdict === 'reproducible') !== same) wrong.push(`${file.name}: told ${file.verdict}`);
  }
  const allSame = judged.length > 0 && judged.every((file) => file.verdict === 'reproducible');
  if ((built.verdict === 'reproducible') !== allSame) wrong.push(`told ${built.verdict}`);
  if (!(built.seconds > 0)) wrong.push('took no time');
  const reproduced = built.files.filter((file) => file.verdict === 'reproducible');
  if ((built.link !== null) !== reproduced.length > 0) wrong.push(`link is ${built.link}`);
  if (built.link)
    wrong.push(...(await checkLink(built.link, reproduced, options, join(options.folder, summary.keyring))));
  return wrong;
}

async function checkLink(
  link: string,
  reproduced: readonly { officialSha256: string | null }[],
  options: { folder: string; rebuilderKey: string },
  keyring: string,
): Promise<string[]> {
  const path = join(options.folder, link);
  const { signed } = JSON.parse(await readFile(path, 'utf8')) as {
    signed: { products: Record<string, { sha256: string }> };
  };
  const known = new Set(reproduced.map((file) => file.officialSha256));
  const wrong = Object.entries(signed.products)
    .filter(([, hashes]) => !known.has(hashes.sha256))
    .map(([name]) => `${link}: lists ${name}, whose hash no reproduced file has`);
  if (Object.keys(signed.products).length === 0) wrong.push(`${link}: lists nothing`);
  await run(
    'in-toto-sign',
    ['-f', path, '--verify', '--gpg', options.rebuilderKey.toLowerCase(), '--gpg-home', keyring],
    { timeoutMs: 60_000 },
  ).catch((error) => wrong.push(`${link}: the rebuilder's signature does not verify: ${error.message}`));
  return wrong;
}

async function checkApt(
  summary: DemoSummary,
  logs: Readonly<{ good: string; epoch: string; tampered: string; unattested: string }>,
): Promise<string[]> {
  const wrong: string[] = [];
  const read = (path: string) => readFile(path, 'utf8');
  const installed = (log: string) => /^Setting up /m.test(log) && !/^E: /m.test(log);
  const refusedByInToto = (log: string, name: string, reason: RegExp) =>
    log
      .split('\n')
      .some(
        (line) =>
          line.startsWith('E: Failed to fetch intoto:') && line.includes(`/${name}_`) && reason.test(line),
      );
  const accepted = installed(await read(logs.good)) && installed(await read(logs.epoch));
  const tampered = refusedByInToto(await read(logs.tampered), 'debootstrap', /'DISALLOW \*\.deb' matched/);
  const unattested = refusedByInToto(
    await read(logs.unattested),
    'cowsay',
    /requires '1' link metadata file\(s\), found '0'/,
  );
  if (summary.aptAcceptedGood !== accepted)
    wrong.push(`apt's log says the good ones were accepted: ${accepted}`);
  if (summary.aptRefusedTampered !== tampered)
    wrong.push(`apt's log says the tampered one was refused: ${tampered}`);
  if (summary.aptRefusedUnattested !== unattested) {
    wrong.push(`apt's log says the one without a link was refused: ${unattested}`);
  }
  return wrong;
}

/** File name to sha256, from Packages indexes whose hash a Release names that gpgv accepts. */
async function officialHashes(
  indexes: readonly Readonly<{ inRelease: string; packages: string; packagesPath: string }>[],
  keyring: string,
): Promise<ReadonlyMap<string, string>> {
  const hashes = new Map<string, string>();
  for (const index of indexes) {
    const release = await run('gpgv', ['--keyring', keyring, '--output', '-', index.inRelease], {
      timeoutMs: 60_000,
    });
    const named = new RegExp(
      `^ ([0-9a-f]{64}) +\\d+ ${index.packagesPath.replaceAll('.', '\\.')}$`,
      'm',
    ).exec(release.stdout.toString())?.[1];
    const found = await sha256sum(index.packages);
    if (named !== found)
      throw new Error(`${index.packages}: the signed Release names ${named}, found ${found}`);
    const plain = await run('xz', ['-dc', index.packages], { timeoutMs: 60_000, maxOutput: 400_000_000 });
    let name: string | undefined;
    for (const line of plain.stdout.toString('latin1').split('\n')) {
      if (line.startsWith('Filename: ')) name = line.slice(line.lastIndexOf('/') + 1);
      else if (line.startsWith('SHA256: ') && name) hashes.set(name, line.slice(8));
      else if (line === '') name = undefined;
    }
  }
  return hashes;
}

async function sha256sum(path: string): Promise<string> {
  const { stdout } = await run('sha256sum', ['--', path], { timeoutMs: 120_000 });
  return stdout.toString().slice(0, 64);
}
