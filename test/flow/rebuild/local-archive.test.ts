import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DebRecipe, parseRecipe } from '../../../daemons/lib/contracts/documents/recipe.ts';
import { BesideMirror, plainRules } from '../../support/beside-mirror.ts';
import { buildinfoText } from '../../support/buildinfo.ts';

const source = 'clockwork';
const version = '1.0';
const binaries = ['steady', 'timely'].map((name) => ({ package: name, architecture: 'all' }));
const steadyDeb = 'steady_1.0_all.deb';
const timelyDeb = 'timely_1.0_all.deb';

let beside: BesideMirror;
/** The true buildinfo of the official packages. */
let buildinfo: string;

/** A source of two packages: one that embeds the time, one that does not. */
function addSource(files: Readonly<Record<string, string>> = {}): void {
  const recipe = [
    'mkdir -p debian/timely/usr/share/timely',
    'date +%s%N > debian/timely/usr/share/timely/built',
  ];
  beside.archive.addSource({
    source,
    version,
    binaries,
    files: { 'debian/rules': plainRules(['steady', 'timely'], recipe), ...files },
  });
}

beforeAll(async () => {
  beside = await BesideMirror.open();
  addSource();
  // Somebody has to build them first: what comes out is the official packages from then on.
  for (const { package: name } of binaries) {
    beside.archive.addBinary({ package: name, version, architecture: 'all', source });
  }
  beside.archive.publish();
  const first = await beside.rebuild(source, { args: ['--keep-base'] });
  const recipe = parseRecipe(
    JSON.parse(readFileSync(join(first.dir, `${source}_${version}_all.recipe.json`), 'utf8')),
  );
  for (const name of [steadyDeb, timelyDeb]) beside.archive.addDeb(join(first.dir, name));
  beside.archive.publish();
  buildinfo = join(beside.folder, `${source}_${version}_all.buildinfo`);
  writeFileSync(buildinfo, trueBuildinfo(recipe as DebRecipe, first.dir));
});
afterAll(() => beside.remove());

function trueBuildinfo(recipe: DebRecipe, dir: string): string {
  return buildinfoText({
    source,
    version,
    architecture: 'all',
    files: [steadyDeb, timelyDeb].map((name) => join(dir, name)),
    installed: recipe.dependencies.map((one) => `${one.package} (= ${one.version})`),
    environment: Object.fromEntries(recipe.environment),
    buildPath: recipe.buildPath,
  });
}

describe('rebuilderctl rebuild, over a local signed archive', () => {
  it('tells what embeds the time unreproducible, with its true buildinfo, and its sibling reproducible', async () => {
    const { result, exitCode, dir } = await beside.rebuild(source, { buildinfos: [buildinfo] });
    expect(result).toMatchObject({
      source,
      version,
      environment: 'buildinfo',
      verdict: 'unreproducible',
      code: null,
      files: [
        { name: steadyDeb, verdict: 'reproducible' },
        { name: timelyDeb, verdict: 'unreproducible' },
      ],
    });
    expect(exitCode).toBe(1);
    const [steady, timely] = result.files;
    expect(steady?.rebuiltSha256).toBe(steady?.officialSha256);
    expect(timely?.rebuiltSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(timely?.rebuiltSha256).not.toBe(timely?.officialSha256);
    expect(existsSync(join(dir, 'debian/sources/steady/1.0/metadata'))).toBe(true);
    expect(existsSync(join(dir, 'debian/sources/timely'))).toBe(false);
  });

  it('proves nothing by what differs without a buildinfo', async () => {
    const { result, exitCode, dir } = await beside.rebuild(source);
    expect(result).toMatchObject({
      environment: 'inferred',
      verdict: 'failure',
      code: 'environment-unknown',
      files: [
        { name: steadyDeb, verdict: 'reproducible' },
        { name: timelyDeb, verdict: 'environment-unknown' },
      ],
    });
    expect(exitCode).toBe(2);
    expect(existsSync(join(dir, 'debian/sources/timely'))).toBe(false);
  });

  it('does not take a source that differs by one byte for the official one', async () => {
    addSource({ 'README.md': 'A package of a tesT.\n' });
    beside.archive.publish();
    const { result, exitCode, dir } = await beside.rebuild(source, { buildinfos: [buildinfo] });
    addSource();
    beside.archive.publish();
    expect(result.files.map(({ name, verdict }) => [name, verdict])).toEqual([
      [steadyDeb, 'unreproducible'],
      [timelyDeb, 'unreproducible'],
    ]);
    expect(exitCode).toBe(1);
    expect(existsSync(join(dir, 'debian/sources/steady'))).toBe(false);
  });

  it('is source-missing where the archive lacks a file that its index names', async () => {
    rmSync(join(beside.archive.root, `pool/main/c/${source}/${source}_${version}.tar.xz`));
    rmSync(join(beside.folder, 'cache/package-rebuilder/getter'), { recursive: true });
    const { result, exitCode, stderr } = await beside.rebuild(`${source}=${version}`);
    addSource();
    beside.archive.publish();
    expect(result).toMatchObject({
      verdict: 'failure',
      code: 'source-missing',
      files: [
        { name: steadyDeb, rebuiltSha256: null, verdict: 'not-built' },
        { name: timelyDeb, rebuiltSha256: null, verdict: 'not-built' },
      ],
    });
    expect(stderr).toContain(`${source}_${version}.tar.xz`);
    expect(exitCode).toBe(2);
  });
});
