import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GnuPg, openGnuPg } from '../../support/gnupg.ts';
import { runWith } from './run.ts';

let dir: string;
let gnupg: GnuPg;
let owner: string;
let rebuilder: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'layout-'));
  gnupg = openGnuPg();
  owner = gnupg.makeKey('owner@example.org');
  rebuilder = gnupg.makeKey('rebuilder@example.org');
  await writeFile(join(dir, 'rebuilder.asc'), gnupg.gpg(['--armor', '--export', rebuilder]));
});
afterAll(async () => {
  gnupg.remove();
  await rm(dir, { recursive: true });
});

describe('rebuilderctl layout', () => {
  it("makes and signs a layout that in-toto's own tool accepts", async () => {
    const file = join(dir, 'root.layout');
    const made = await runWith({}, [
      'layout',
      'init',
      '--key',
      join(dir, 'rebuilder.asc'),
      '--days',
      '30',
      '-o',
      file,
    ]);
    expect(made).toEqual({ code: 0, out: '', err: '' });
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
      signatures: [],
      signed: { _type: 'layout' },
    });

    const signed = await runWith({}, ['layout', 'sign', file, '--owner', owner, '--gpg-home', gnupg.home]);
    expect(signed).toEqual({ code: 0, out: '', err: '' });
    execFileSync('in-toto-sign', ['--verify', '-f', file, '--gpg', owner, '--gpg-home', gnupg.home], {
      stdio: 'pipe',
    });
    const shown = JSON.parse((await runWith({}, ['inspect', file, '--json'])).out);
    expect(shown).toMatchObject({
      kind: 'layout',
      signedBy: [owner.toLowerCase()],
      steps: [{ name: 'rebuild', threshold: 1, pubkeys: [rebuilder.toLowerCase()] }],
    });
  });

  it('prints a layout where no file is named, with the expiry that was asked for', async () => {
    const { out } = await runWith({}, [
      'layout',
      'init',
      '--key',
      join(dir, 'rebuilder.asc'),
      '--expires',
      '2031-02-03T04:05:06Z',
    ]);
    expect(JSON.parse(out).signed.expires).toBe('2031-02-03T04:05:06Z');
  });

  it('says in one line what is wrong', async () => {
    const init = (...more: string[]) => runWith({}, ['layout', 'init', ...more]);
    const key = join(dir, 'rebuilder.asc');
    expect((await init()).err).toMatch(/--key/);
    expect(await init('--key', key, '--threshold', '2')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/threshold 2: expected a number from 1 to 1/),
    });
    expect((await init('--key', key, '--expires', 'tomorrow')).err).toMatch(/expected YYYY-MM-DDTHH:MM:SSZ/);
    expect((await init('--key', '/nonexistent')).err).toMatch(/\/nonexistent: cannot be read \(ENOENT\)/);
    const file = join(dir, 'other.layout');
    await writeFile(file, '{}');
    expect((await runWith({}, ['layout', 'sign', file, '--owner', owner])).err).toMatch(
      /signed: expected an object/,
    );
    expect((await runWith({}, ['layout', 'sign', file, '--owner', 'ABCD'])).err).toMatch(
      /full OpenPGP fingerprint/,
    );
  });
});
