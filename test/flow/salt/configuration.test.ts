import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../daemons/lib/daemon/config.ts';
import type { Role } from '../../../daemons/lib/daemon/keys.ts';
import { run } from '../../../daemons/lib/daemon/program.ts';
import { Site } from '../../support/salt/site.ts';

const [ours, theirs, before] = ['A', 'B', 'C'].map((letter) => letter.repeat(40));
const pillar = {
  dists: ['trixie.amd64', 'fedora-42.x86_64'],
  keys: {
    openpgp: 'qubes.Gpg',
    reproducible: ours?.toLowerCase(),
    unreproducible: theirs,
    'reproducible-previous': [before],
    'root-layout': 'root.layout',
    'archive-keyrings': { trixie: 'ours.gpg', sid: 'ours.gpg' },
  },
  mirror: { host: 'rebuilder@mirror.example.org:2222', folder: '/srv/rebuilder' },
  config: {
    celery: { max_retries: 3 },
    common: {
      'rebuilder-id': 'https://rebuilder.example.org',
      'sign-rate': 60,
      slots: 2,
      'check-valid-until': true,
    },
    debian: { schedule_get: 600, mirror: 'deb http://deb.debian.org/debian trixie main' },
  },
};

/** All that each role's qube is told. */
const files: Readonly<Record<string, readonly string[]>> = {
  orchestrator: [
    '[DEFAULT]',
    'dist = trixie.amd64 fedora-42.x86_64',
    '[celery]',
    'max_retries = 3',
    '[debian]',
    'schedule_get = 600',
  ],
  getter: [
    '[DEFAULT]',
    'dist = trixie.amd64 fedora-42.x86_64',
    '[common]',
    'archive-keyring = sid=/rw/config/package-rebuilder/ours.gpg trixie=/rw/config/package-rebuilder/ours.gpg',
    'check-valid-until = yes',
    '[debian]',
    'mirror = deb http://deb.debian.org/debian trixie main',
  ],
  rebuilder: ['[common]', 'slots = 2'],
  attester: [
    '[DEFAULT]',
    'dist = trixie.amd64 fedora-42.x86_64',
    '[common]',
    `in-toto-sign-key-fpr = ${ours}`,
    `in-toto-sign-key-previous-fpr = ${before}`,
    `in-toto-sign-key-unreproducible-fpr = ${theirs}`,
    'openpgp = qubes.Gpg',
    'root-layout = /rw/config/package-rebuilder/root.layout',
    'archive-keyring = sid=/rw/config/package-rebuilder/ours.gpg trixie=/rw/config/package-rebuilder/ours.gpg',
    'rebuilder-id = https://rebuilder.example.org',
    'check-valid-until = yes',
  ],
  vault: ['[common]', 'sign-rate = 60'],
  reporter: ['[DEFAULT]', 'dist = trixie.amd64 fedora-42.x86_64'],
  uploader: [
    '[DEFAULT]',
    'dist = trixie.amd64 fedora-42.x86_64',
    '[common]',
    'repo-remote-ssh-host = rebuilder@mirror.example.org:2222',
    'repo-remote-ssh-basedir = /srv/rebuilder',
    'repo-ssh-key = id_ed25519',
  ],
};

describe('rebuilder.conf of a qube', () => {
  let site: Site;
  let folder: string;
  beforeAll(async () => {
    site = await Site.make(pillar);
    folder = await mkdtemp(join(tmpdir(), 'conf-'));
  });
  afterAll(async () => {
    await site.remove();
    await rm(folder, { recursive: true });
  });

  for (const [role, lines] of Object.entries(files)) {
    it(`has what ${role} reads and nothing else, and ${role} takes it`, async () => {
      const id = `rebuilder-${role === 'rebuilder' ? 'worker' : role}`;
      const text = contentsOf(await site.call('state.show_sls', ['package-rebuilder.configure'], id));
      const [remark, ...rest] = text.split('\n').filter((line) => line !== '');
      expect([remark?.startsWith('# Written by Salt'), rest]).toEqual([true, lines]);
      const path = join(folder, `${role}.conf`);
      await writeFile(path, text);
      expect(loadConfig(role as Role, { paths: [path], env: {} }).warnings).toEqual([]);
    });
  }

  it('goes with consent that lasts in the vault, whatever consent somebody gave there before', async () => {
    const states = await site.call('state.show_sls', ['package-rebuilder.configure'], 'rebuilder-vault');
    const { cmd } = (states as Record<string, { cmd: readonly unknown[] }>)[
      'package-rebuilder-consent-now'
    ] ?? {
      cmd: [],
    };
    const { unless } = Object.assign({}, ...cmd.filter((one) => typeof one === 'object'));
    const consent = join(folder, 'consent');
    const command = String(unless).replace('/run/qubes-gpg-split/stat.rebuilder-attester', consent);
    expect(command).toContain(consent);
    const lasts = async () => {
      const options = { timeoutMs: 30_000, expectCodes: [0, 1] };
      const { exitCode, stderr } = await run('sh', ['-c', command], options);
      return [exitCode === 0, stderr];
    };
    expect(await lasts()).toEqual([false, '']);
    await writeFile(consent, '');
    expect(await lasts()).toEqual([false, '']);
    const in2100 = 4_102_444_800;
    await utimes(consent, in2100, in2100);
    expect(await lasts()).toEqual([true, '']);
  });

  it('is refused in a qube that is not of the suite, and not needed in a disposable base', async () => {
    const shown = async (id: string) =>
      Object.keys((await site.call('state.show_sls', ['package-rebuilder.configure'], id)) as object);
    expect(await shown('rebuilder-other')).toEqual(['package-rebuilder-configure-not-here']);
    expect(await shown('rebuilder-dvm-debian')).toEqual(['package-rebuilder-nothing-to-configure']);
  });
});

/** The text that a state that was only rendered would write. */
function contentsOf(states: unknown): string {
  const { file } = (states as Record<string, { file: readonly unknown[] }>)['package-rebuilder-conf'] ?? {
    file: [],
  };
  const options = Object.assign({}, ...file.filter((one) => typeof one === 'object'));
  return `${options.contents}\n`;
}

describe('the top files', () => {
  let site: Site;
  beforeAll(async () => {
    site = await Site.make({});
  });
  afterAll(async () => await site.remove());

  const [create, install, configure, update, remove] = (
    ['create', 'install', 'configure', 'update', 'remove'] as const
  ).map((state) => ({ base: [`package-rebuilder.${state}`] }));
  it.each([
    ['create', { dom0: create, 'rebuilder-vault': {} }],
    ['install', { dom0: install, 'rebuilder-tpl-fedora': install, 'rebuilder-getter': {} }],
    ['configure', { dom0: configure, 'rebuilder-tpl-debian': {}, 'rebuilder-getter': configure }],
    ['update', { dom0: update, 'rebuilder-tpl-debian': update }],
    ['remove', { dom0: remove, 'rebuilder-vault': {} }],
    ['init', { dom0: create, 'rebuilder-tpl-debian': install, 'rebuilder-worker-2': configure, work: {} }],
  ])('%s.top gives everyone what is theirs', async (top, expected) => {
    await site.setTop(`package-rebuilder/${top}.top`);
    const shown: Record<string, unknown> = {};
    for (const id of Object.keys(expected)) shown[id] = await site.call('state.show_top', [], id);
    expect(shown).toEqual(expected);
  });

  it('go on for everybody else where our pillar is refused', async () => {
    await site.setPillar({ rebuilders: 0 });
    await site.setTop('package-rebuilder/init.top');
    expect(await site.call('state.show_top')).toEqual(create);
  });
});
