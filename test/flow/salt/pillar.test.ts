import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { Site, type StateResult } from '../../support/salt/site.ts';

/** What somebody may write, and the lines that they read then; no state but the refusal is applied. */
const refused: Readonly<Record<string, Readonly<{ pillar: unknown; lines: readonly string[] }>>> = {
  'a name that Qubes OS has no room for': {
    pillar: { prefix: 'reproducible-builds', templates: { fedora: '' } },
    lines: [
      'package-rebuilder:prefix: found "reproducible-builds", expected one that leaves reproducible-builds-orchestrator (32 characters) within 31',
    ],
  },
  'names that qubesctl cannot tell apart': {
    pillar: { prefix: 'our-rebuilder', rebuilders: 3 },
    lines: [
      'package-rebuilder:prefix: found "our-rebuilder", expected a shorter one: qubesctl manages our-rebuilder-worker-2 and our-rebuilder-worker-3 through disposables of one name, since their first 21 characters are equal',
    ],
  },
  'a prefix that is no name': {
    pillar: { prefix: 'Re builder' },
    lines: ['package-rebuilder:prefix: found "Re builder", expected lower case letters, digits and hyphens'],
  },
  'no rebuilder, and one too many': {
    pillar: { rebuilders: 17 },
    lines: ['package-rebuilder:rebuilders: found 17, expected a number from 1 to 16'],
  },
  'a number as a word': {
    pillar: { rebuilders: '2' },
    lines: ['package-rebuilder:rebuilders: found "2", expected a number from 1 to 16'],
  },
  'unknown keys': {
    pillar: { rebuilder: 2, templates: { debain: 'debian-13' }, qubes: { vault: { ram: 1 } } },
    lines: [
      'package-rebuilder:rebuilder: found an unknown key, expected one of prefix, rebuilders, webhook, autostart, netvm, admins, templates, packages, dists, keys, mirror, config, remove, qubes',
      'package-rebuilder:templates:debain: found an unknown key, expected one of debian, fedora',
      'package-rebuilder:qubes:vault:ram: found an unknown key, expected one of memory, maxmem, vcpus, private',
    ],
  },
  'a word where keys are expected': {
    pillar: { templates: 'debian-13' },
    lines: ['package-rebuilder:templates: found "debian-13", expected keys below it, each with its value'],
  },
  'a list in place of everything': {
    pillar: ['a'],
    lines: ['package-rebuilder: found ["a"], expected keys below it'],
  },
  'too little memory, and less than that at most': {
    pillar: { qubes: { vault: { memory: 100 }, getter: { maxmem: 300 } } },
    lines: ['package-rebuilder:qubes:vault:memory: found 100, expected MiB, a number from 200 to 262144'],
  },
  'less memory at most than at least': {
    pillar: { qubes: { getter: { maxmem: 300 } } },
    lines: ['package-rebuilder:qubes:getter:maxmem: found 300, expected at least its memory, 400'],
  },
  'a short fingerprint, and dists in one string': {
    pillar: { keys: { reproducible: '8DEB0BEF' }, dists: 'trixie.amd64 trixie.all' },
    lines: [
      'package-rebuilder:dists: found "trixie.amd64 trixie.all", expected a list of dists such as trixie.amd64',
      'package-rebuilder:keys:reproducible: found "8DEB0BEF", expected a full fingerprint, 40 hexadecimal digits without blanks, in quotes',
    ],
  },
  'one key for both verdicts': {
    pillar: { keys: { reproducible: 'A'.repeat(40), unreproducible: 'A'.repeat(40) } },
    lines: [
      'package-rebuilder:keys:unreproducible: found the key of keys:reproducible, expected another key: clients tell the verdicts apart by them',
    ],
  },
  'a mirror without a folder': {
    pillar: { mirror: { host: 'rebuilder@mirror.example.org' } },
    lines: [
      "package-rebuilder:mirror:folder: found '', expected a folder of the mirror, since mirror:host is there",
    ],
  },
  'keys of rebuilder.conf that are none, and a value that would begin another': {
    pillar: { config: { common: { dists: 'a', 'rebuilder-id': 'a\nb = c' }, coomon: {} } },
    lines: [
      'package-rebuilder:config:common:dists: found an unknown key, expected a key of rebuilder.conf',
      'package-rebuilder:config:common:rebuilder-id: found "a\\nb = c", expected a value on one line, without control characters',
      'package-rebuilder:config:coomon: found an unknown section, expected celery, common, debian, qubesos or fedora',
    ],
  },
  'characters that end a line for whoever reads rebuilder.conf, and others that nobody sees': {
    pillar: {
      config: {
        common: { 'rebuilder-id': 'a\rb', 'sign-rate': '1\u0085', slots: '1\u2028' },
        debian: { mirror: 'a\u2029b', schedule_get: '\u001b[2J' },
      },
    },
    lines: [
      ['common:rebuilder-id', '"a\\rb"'],
      ['common:sign-rate', '"1\\u0085"'],
      ['common:slots', '"1\\u2028"'],
      ['debian:mirror', '"a\\u2029b"'],
      ['debian:schedule_get', '"\\u001b[2J"'],
    ].map(
      ([key, found]) =>
        `package-rebuilder:config:${key}: found ${found}, expected a value on one line, without control characters`,
    ),
  },
  ...Object.fromEntries(
    [
      '-oProxyCommand=id',
      '-l@mirror.example.org',
      'rebuilder@-mirror',
      'mirror.example.org',
      'rebuilder@mirror.example.org:0',
      'rebuilder@mirror:/srv',
      'rebuilder@mirror;id',
    ].map((host) => [
      `the mirror's host ${host}`,
      {
        pillar: { mirror: { host, folder: '/srv' } },
        lines: [
          `package-rebuilder:mirror:host: found ${JSON.stringify(host)}, expected USER@HOST or USER@HOST:PORT`,
        ],
      },
    ]),
  ),
};

const secrets = {
  pgp: '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nc2VjcmV0\n',
  ssh: '-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n',
  pem: '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n',
  putty: 'PuTTY-User-Key-File-3: ssh-ed25519\nc2VjcmV0\n',
};

describe.concurrent('a pillar is refused before anything is touched, for', () => {
  let site: Site;
  beforeAll(async () => {
    site = await Site.make({});
  });
  afterAll(async () => await site.remove());

  const applied = (pillar: unknown): Promise<readonly StateResult[]> =>
    site.apply('package-rebuilder.create', `pillar=${asciiJson({ 'package-rebuilder': pillar })}`);

  for (const [name, { pillar, lines }] of Object.entries(refused)) {
    it(name, async ({ expect }) => {
      const states = await applied(pillar);
      expect(states.map(({ result, comment }) => [result, comment.split('\n')])).toEqual([[false, lines]]);
      expect(await site.made()).toEqual([]);
    });
  }

  it('private keys, wherever they are, without showing them', async ({ expect }) => {
    const [state, ...more] = await applied({
      keys: { public: [secrets.pgp], reproducible: secrets.pem },
      mirror: { key: secrets.ssh },
      config: { common: { 'repo-ssh-key': secrets.putty } },
    });
    expect(more).toEqual([]);
    const keys = ['keys:public', 'keys:reproducible', 'mirror:key', 'config:common:repo-ssh-key'];
    expect(state?.comment.split('\n')).toEqual(
      keys.map(
        (key) =>
          `package-rebuilder:${key}: found a private key, expected none anywhere in a pillar: make a new one, for every qube may have seen this`,
      ),
    );
    expect(JSON.stringify(state)).not.toContain('c2VjcmV0');
  });

  it.sequential('every state and every qube alike', async ({ expect }) => {
    for (const [state, id] of [
      ['remove', 'dom0'],
      ['configure', 'dom0'],
      ['configure', 'rebuilder-vault'],
      ['install', 'rebuilder-tpl-debian'],
      ['update', 'rebuilder-tpl-debian'],
    ]) {
      const args = [`package-rebuilder.${state}`, 'pillar={"package-rebuilder": {"rebuilders": 0}}'];
      const shown = await site.call('state.show_sls', args, id);
      expect(Object.keys(shown as object)).toEqual(['package-rebuilder-pillar-refused']);
    }
  });
});

describe('the pillar that is shipped', () => {
  it('is good as it is and with all that is commented out, and names every key', async ({ expect }) => {
    const shipped = await readFile('salt/pillar/package-rebuilder.sls', 'utf8');
    // A remark has one blank behind its sign, what it is about has none or more.
    const whole = shipped.replace(/^ {2}#(?! [^ ])/gm, '  ').replace('dists: []', 'dists:');
    const schema = await readFile('salt/package-rebuilder/schema.yaml', 'utf8');
    const keys = [...schema.matchAll(/^'?([a-z][a-z:-]*[a-z])'?:(?= |$)/gm)].map(([, key = '']) =>
      key.split(':'),
    );
    const site = await Site.make({});
    try {
      for (const text of [shipped, whole]) {
        await site.setPillar(text);
        const states = await site.call('state.show_sls', ['package-rebuilder.create']);
        expect(Object.keys(states as object)).toContain('package-rebuilder-qube-rebuilder-vault');
      }
      const given = await site.call('pillar.get', ['package-rebuilder']);
      const missing = keys.filter((key) => pick(given, key) === undefined).map((key) => key.join(':'));
      // It belongs on the command line of package-rebuilder.remove.
      expect([keys.length, missing]).toEqual([24, ['remove']]);
    } finally {
      await site.remove();
    }
  });
});

/** YAML folds a line that U+0085 ends, unless it is escaped. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u0080-\uffff]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function pick(tree: unknown, [key, ...rest]: readonly string[]): unknown {
  return key === undefined ? tree : pick((tree as Record<string, unknown> | undefined)?.[key], rest);
}
