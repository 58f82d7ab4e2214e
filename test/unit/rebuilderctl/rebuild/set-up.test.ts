import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../../daemons/lib/daemon/config.ts';
import type { Role } from '../../../../daemons/lib/daemon/keys.ts';
import { cacheFolder, configText } from '../../../../daemons/rebuilderctl/rebuild/set-up.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'set-up-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** As a role of the line would read it. */
async function readBack<R extends Role>(role: R, text: string) {
  const path = join(dir, 'one-shot.conf');
  await writeFile(path, text.replace('@VAULT_KEY@', 'A'.repeat(40)));
  return loadConfig(role, { paths: [path], env: {} });
}

describe('configText', () => {
  it('has no feed, no second try, and a signing key', async () => {
    const text = configText({ base: undefined, mirrors: [], keepBase: false });
    const orchestrator = await readBack('orchestrator', text);
    expect(orchestrator.celery.maxRetries).toBe(0);
    expect(orchestrator.projects.debian.dists).toEqual([]);
    expect((await readBack('attester', text)).common.signKey).toBe('A'.repeat(40));
    expect((await readBack('getter', text)).common.mirror).toBeUndefined();
  });

  it('has a base made only where it was asked for, and then waited for', async () => {
    const kept = async (keepBase: boolean) =>
      (await readBack('rebuilder', configText({ base: undefined, mirrors: [], keepBase }))).common.keepBases;
    expect(await kept(false)).toBe('no');
    expect(await kept(true)).toBe('finish');
  });

  it('takes over feeds and limits of a file, and nothing that the command decides', async () => {
    const base = join(dir, 'rebuilder.conf');
    await writeFile(
      base,
      [
        '[celery]',
        'broker = redis://elsewhere:6379/0',
        'max_retries = 9',
        '[common]',
        'in-toto-sign-key-fpr = BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB',
        'build-memory = 2G',
        'mirror = deb http://a.example/debian sid main',
        '    deb http://b.example/debian sid main',
        '[debian]',
        'dist = sid.amd64',
        'archive-keyring = sid=/keys/archive.gpg',
        '',
      ].join('\n'),
    );
    const text = configText({ base, mirrors: [], keepBase: false });
    const orchestrator = await readBack('orchestrator', text);
    expect(orchestrator.celery).toMatchObject({ maxRetries: 0, broker: { kind: 'embedded' } });
    expect(orchestrator.projects.debian.dists).toEqual([]);
    expect((await readBack('attester', text)).common.signKey).toBe('A'.repeat(40));
    expect((await readBack('rebuilder', text)).common.buildMemory).toBe(2 ** 31);
    const getter = await readBack('getter', text);
    expect(getter.projects.debian.archiveKeyring).toEqual([{ suite: 'sid', file: '/keys/archive.gpg' }]);
    expect(getter.common.mirror).toEqual([
      'deb http://a.example/debian sid main',
      'deb http://b.example/debian sid main',
    ]);
  });

  it('puts mirrors of the command line before those of the file', async () => {
    const base = join(dir, 'rebuilder.conf');
    await writeFile(base, '[debian]\nmirror = deb http://a.example/debian sid main\n');
    const mirrors = ['deb [check-valid-until=no] http://c.example sid main', 'deb http://d.example sid main'];
    const getter = await readBack('getter', configText({ base, mirrors, keepBase: false }));
    expect(getter.projects.debian.mirror).toEqual(mirrors);
  });

  it('says so when there is no such file', () => {
    expect(() => configText({ base: '/nonexistent', mirrors: [], keepBase: false })).toThrow(
      /\/nonexistent: found no such file/,
    );
  });
});

describe('cacheFolder', () => {
  it('is below XDG_CACHE_HOME, else below the home', async () => {
    expect(await cacheFolder({ XDG_CACHE_HOME: dir, HOME: '/home/x' }, false)).toBe(
      join(dir, 'package-rebuilder'),
    );
    expect(await cacheFolder({ HOME: dir, XDG_CACHE_HOME: 'relative' }, false)).toBe(
      join(dir, '.cache/package-rebuilder'),
    );
    expect((await stat(join(dir, '.cache/package-rebuilder'))).mode & 0o777).toBe(0o711);
  });

  it('says so when it cannot be made', async () => {
    await writeFile(join(dir, 'file'), '');
    await expect(cacheFolder({ XDG_CACHE_HOME: join(dir, 'file') }, false)).rejects.toThrow(
      /cannot be made \(ENOTDIR\)/,
    );
  });
});
