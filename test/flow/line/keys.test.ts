import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../../daemons/lib/daemon/clock.ts';
import { run } from '../../../daemons/lib/daemon/program.ts';
import { parseLines } from '../../demo/follow.ts';
import { makeOwner, type Owner } from '../../demo/keys.ts';
import { openRealLine, type RealLine } from '../../support/real-line.ts';
import { asUser } from '../standalone/own-line.ts';

/** A source of two files, each of a part of its own, that Debian's archive of today's stable has and that need no compiler. */
const source = 'lxqt-metapackages';
const suite = 'bookworm';
const patienceMs = 500_000;
const timeoutMs = 120_000;

let line: RealLine;
let owner: Owner;
/** The key of the line's beginning, and the one that takes its place: as published, and by the name of its links. */
let old: Key;
let next: Key;
const at = (...parts: readonly string[]) => join(line.folder, ...parts);
const layouts = { old: () => at('old.layout'), both: () => at('both.layout') };

type Key = Readonly<{ fingerprint: string; file: string; short: string }>;

beforeAll(async () => {
  line = await openRealLine({ settings: 'keep-bases = no' });
  old = await keyIn(line.vaultKey.file);
  owner = await makeOwner(at('owner'));
  await layout('init', '--rebuilder-key', old.file, '--expires', '1y', '-o', layouts.old());
});
afterAll(() => line?.close(at('owner'), at('reader')));

async function layout(...args: readonly string[]): Promise<void> {
  const signing = ['--owner-key', owner.fingerprint, '--gpg-home', owner.home];
  await run('build/bin/rebuilderctl', ['layout', ...args, ...signing], { timeoutMs });
}

/** A published key, and the eight digits by which its links are named. */
async function keyIn(file: string): Promise<Key> {
  const home = at('reader');
  await mkdir(home, { recursive: true, mode: 0o700 });
  const { stdout } = await run(
    'gpg',
    ['--homedir', home, '--batch', '--with-colons', '--show-keys', '--with-subkey-fingerprint', file],
    { timeoutMs },
  );
  const [fingerprint = '', subkey = ''] = [...stdout.toString().matchAll(/^fpr:+([0-9A-F]{40}):/gm)].map(
    ([, digits = '']) => digits,
  );
  return { fingerprint, file, short: subkey.slice(0, 8).toLowerCase() };
}

/** What an operator does: makes a key in the vault's qube and carries its public half to the attester's. */
async function makeNextKey(): Promise<Key> {
  const state = at('line/state/vault');
  const [program = '', ...args] = [
    ...asUser('rebuilder-vault'),
    process.execPath,
    join(process.cwd(), 'build/lib/rebuilder-keys.js'),
    'make',
    'the next key',
  ];
  const { stdout } = await run(program, args, {
    timeoutMs,
    cwd: state,
    env: { STATE_DIRECTORY: state, HOME: state },
  });
  const text = stdout.toString();
  const fingerprint = text.slice(0, 40);
  const there = at('line/state/attester/keys', `${fingerprint}.asc`);
  await writeFile(there, text);
  await run('chown', ['rebuilder-attester:', there], { timeoutMs });
  const here = at(`${fingerprint}.asc`);
  await writeFile(here, text.slice(41));
  return await keyIn(here);
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = clock.monotonic() + patienceMs;
  while (!(await holds())) {
    if (clock.monotonic() > deadline) {
      throw new Error(`still not so: ${what}; ${await line.ctl('jobs', '--json')}`);
    }
    await clock.sleep(1_000);
  }
}

type Row = Readonly<{
  dist: string;
  state: string;
  attested: readonly object[];
  history: readonly Readonly<{ verdict: string; signedBy: readonly string[] }>[];
}>;
const results = async () => parseLines<Row>(await line.ctl('results', source, '--history', '--json'));
const status = async () => JSON.parse(await line.ctl('status', '--json')) as Status;
interface Status {
  readonly notices: readonly Readonly<{ code: string; qube: string }>[];
  readonly revoked: readonly Readonly<{ key: string; builds: number }>[];
}

async function rebuild(architecture: string): Promise<void> {
  const dist = `${suite}.${architecture}`;
  await line.ctl('trigger', 'rebuild', source, dist);
  await until(`${dist} is judged`, async () =>
    (await results()).some((row) => row.dist === dist && row.state === 'reproducible'),
  );
  await untilSent();
}

/** All that follows has been done, the upload last. */
async function untilSent(): Promise<void> {
  await until('every job is done', async () =>
    parseLines<{ state: string }>(await line.ctl('jobs', '--json')).every(({ state }) => state === 'settled'),
  );
}

const root = () => at('mirror/rebuild/debian');
const folder = () => {
  const versions = join(root(), 'sources', source);
  return join(versions, readdirSync(versions)[0] ?? '');
};
/** The links of the source's version on the mirror, and what each says. */
const links = () =>
  readdirSync(folder())
    .filter((name) => name.endsWith('.link'))
    .sort();
interface LinkFile {
  readonly signatures: readonly Readonly<{ keyid: string }>[];
  readonly signed: Readonly<{ products: object }>;
}
const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as LinkFile;
const packagesIn = (name: string) => [
  ...new Set(Object.keys(read(join(folder(), name)).signed.products).map((file) => file.split('_')[0])),
];
const metadataOf = (binary: string) => {
  const versions = join(root(), 'sources', binary);
  return join(versions, readdirSync(versions)[0] ?? '', 'metadata');
};
const signerOf = (binary: string) => read(metadataOf(binary)).signatures[0]?.keyid.slice(0, 8);

/** Whether Debian's in-toto takes the package that is on Debian's own mirror by this link. */
async function accepts(layoutFile: string, link: string, key: Key, deb: string): Promise<boolean> {
  const work = await mkdtemp(at('verify-'));
  await writeFile(join(work, `rebuild.${key.short}.link`), readFileSync(link));
  await run('cp', [deb, work], { timeoutMs });
  const args = ['-l', layoutFile, '-g', owner.fingerprint, '--gpg-home', owner.home];
  const { exitCode } = await run('in-toto-verify', args, { timeoutMs, cwd: work, expectCodes: [0, 1] });
  return exitCode === 0;
}

/** A binary as apt brings it. */
async function download(binary: string): Promise<string> {
  const dir = await mkdtemp(at('deb-'));
  await run('chmod', ['777', dir], { timeoutMs });
  await run('apt-get', ['download', `${binary}/${suite}`], { timeoutMs, cwd: dir });
  return join(dir, readdirSync(dir)[0] ?? '');
}

describe('a line whose key is rotated and then revoked', () => {
  it('keeps through the rotation what the old key signed, and says that the layout lacks the new one', async () => {
    await rebuild('amd64');
    expect(links()).toEqual([`rebuild.${old.short}.amd64.link`, `rebuild.${old.short}.link`]);
    next = await makeNextKey();
    await line.restart(
      [
        'keep-bases = no',
        `root-layout = ${layouts.old()}`,
        '[debian]',
        `in-toto-sign-key-fpr = ${next.fingerprint}`,
        `in-toto-sign-key-previous-fpr = ${old.fingerprint}`,
      ].join('\n'),
    );
    await rebuild('all');
    expect((await status()).notices).toMatchObject([
      { code: 'layout-lacks-key', qube: 'rebuilder-attester' },
    ]);
    expect(readFileSync(at('line/log/attester.log'), 'utf8')).toContain('code=layout-lacks-key');
    expect(links()).toEqual(
      [
        `rebuild.${old.short}.amd64.link`,
        `rebuild.${old.short}.link`,
        `rebuild.${next.short}.all.link`,
        `rebuild.${next.short}.link`,
      ].sort(),
    );
    expect(packagesIn(`rebuild.${next.short}.link`).sort()).toEqual(['lxqt', 'lxqt-core']);
    for (const { fingerprint } of [old, next]) {
      expect(existsSync(join(root(), `${fingerprint}.asc`))).toBe(true);
    }
  });

  it('is believed for both files by a layout that lists both keys', async () => {
    await layout('add-key', layouts.old(), '--rebuilder-key', next.file, '-o', layouts.both());
    const merged = join(folder(), `rebuild.${next.short}.link`);
    const [lxqt, core] = [await download('lxqt'), await download('lxqt-core')];
    for (const deb of [lxqt, core]) expect(await accepts(layouts.both(), merged, next, deb)).toBe(true);
    expect(await accepts(layouts.both(), metadataOf('lxqt'), old, lxqt)).toBe(true);
    expect(await accepts(layouts.old(), merged, next, core)).toBe(false);
    expect([signerOf('lxqt'), signerOf('lxqt-core')]).toEqual([old.short, next.short]);
  });

  it('has signed again what the revoked key signed, withdraws its links, and tells both verdicts', async () => {
    await line.restart(
      ['keep-bases = no', '[debian]', `in-toto-sign-key-fpr = ${next.fingerprint}`].join('\n'),
    );
    const dryRun = await line.ctl('resign', '--signed-by', old.fingerprint, '--dry-run', '--json');
    expect(JSON.parse(dryRun)).toMatchObject({
      left: { sign: 1, rebuild: 0, wait: 0, withdraw: 0 },
      builds: [{ source, dist: `${suite}.amd64`, next: 'sign', documents: 3 }],
    });
    expect(links()).toHaveLength(4);
    const asked = await line.ctl('resign', '--signed-by', old.fingerprint);
    expect(asked).toContain('begun again: 1, documents withdrawn: 0, left: 1');
    expect((await status()).revoked).toMatchObject([{ key: old.fingerprint, builds: 1 }]);
    await until('nothing is left', async () => (await status()).revoked.length === 0);
    await untilSent();

    expect(links()).toEqual(
      ['all.link', 'amd64.link', 'link'].map((name) => `rebuild.${next.short}.${name}`),
    );
    expect([signerOf('lxqt'), signerOf('lxqt-core')]).toEqual([next.short, next.short]);
    expect(packagesIn(`rebuild.${next.short}.link`).sort()).toEqual(['lxqt', 'lxqt-core']);
    const told = (await results()).map(({ dist, history }) => [
      dist,
      history.map(({ signedBy }) => signedBy),
    ]);
    expect(told.sort()).toEqual([
      [`${suite}.all`, [[next.fingerprint]]],
      [`${suite}.amd64`, [[old.fingerprint], [next.fingerprint]]],
    ]);
    expect(await line.ctl('resign', '--signed-by', old.fingerprint, '--dry-run')).toBe(
      'nothing that is published is signed by it\n',
    );
    expect(await accepts(layouts.both(), metadataOf('lxqt'), next, await download('lxqt'))).toBe(true);
  });
});
