import { mkdtempSync, rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sites, serveSites } from '../../demo/web.ts';
import { machinesMirror, officialLine, suite } from '../../support/beside-mirror.ts';
import { type RebuildAnswer, rebuild } from '../../support/rebuilderctl.ts';

/** The machine's mirror as one that refuses some files, to a getter that has kept none. */
let folder: string;
let web: Awaited<ReturnType<typeof serveSites>>;
let refused: RegExp;
let sites: Sites;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'refusing-'));
  await chmod(folder, 0o755);
  sites = { debian: { mirror: await machinesMirror(), refuses: (path) => refused.test(path) } };
  web = await serveSites(sites);
});
afterAll(async () => {
  await web.close();
  rmSync(folder, { recursive: true, force: true });
});

async function rebuildRefusing(source: string, what: RegExp): Promise<RebuildAnswer> {
  refused = what;
  const cache = join(folder, source);
  return rebuild(source, suite, [], {
    args: ['--mirror', officialLine(`${web.url}/debian`)],
    env: { XDG_CACHE_HOME: cache },
  });
}

describe('a mirror that refuses the very binaries under test', () => {
  it('is no hindrance: none of them is needed to make them', async () => {
    const { result, exitCode } = await rebuildRefusing('debootstrap', /\/debootstrap_[^/]*\.deb$/);
    expect(result).toMatchObject({ verdict: 'reproducible', code: null });
    expect(result.files[0]?.rebuiltSha256).toBe(result.files[0]?.officialSha256);
    expect(exitCode).toBe(0);
  });

  it('ends dependency-missing a package that is built with itself', async () => {
    const { result, exitCode, stderr } = await rebuildRefusing('sed', /\/sed_[^/]*\.deb$/);
    expect(result).toMatchObject({ verdict: 'failure', code: 'dependency-missing' });
    expect(result.files.map(({ verdict }) => verdict)).toContain('not-built');
    expect(stderr).toMatch(/sed_\S+_amd64\.deb/);
    expect(exitCode).toBe(2);
  });

  it('ends buildinfo-missing a binary-only rebuild: its changelog entry is nowhere else', async () => {
    const { result, exitCode } = await rebuildRefusing('chkrootkit', /\/chkrootkit_[^/]*\.deb$/);
    expect(result).toMatchObject({ verdict: 'failure', code: 'buildinfo-missing' });
    expect(exitCode).toBe(2);
  });
});

describe('a mirror that refuses everything', () => {
  it('is a failure that says which file, in one object', async () => {
    const { result, exitCode, stderr } = await rebuildRefusing('hello', /./);
    expect(result).toEqual({
      source: 'hello',
      version: null,
      environment: 'inferred',
      verdict: 'failure',
      code: 'archive-unreachable',
      files: [],
      seconds: { get: null, inputs: null, environment: null, build: null, attest: null },
    });
    expect(stderr).toContain(`${web.url}/debian`);
    expect(exitCode).toBe(2);
  });
});
