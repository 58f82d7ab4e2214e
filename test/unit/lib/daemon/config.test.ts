import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, configPaths, loadConfig } from '../../../../daemons/lib/daemon/config.ts';
import { configRoles, keys, type Role } from '../../../../daemons/lib/daemon/keys.ts';

const folder = mkdtempSync(join(tmpdir(), 'config-'));
afterAll(() => rmSync(folder, { recursive: true }));

let written = 0;
function file(text: string): string {
  written += 1;
  const path = join(folder, `${written}.conf`);
  writeFileSync(path, text);
  return path;
}

function load<R extends Role>(role: R, ...texts: readonly string[]) {
  return loadConfig(role, { paths: texts.map(file), env: {} });
}

/** The one line, without the folder. */
function complaint(text: string): string {
  const path = file(text);
  for (const role of configRoles) {
    try {
      loadConfig(role, { paths: [path], env: {} });
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      const { message } = error as ConfigError;
      expect(message).not.toMatch(/\p{Cc}/u);
      return message.replace(path, 'FILE');
    }
  }
  return 'no complaint';
}

const oldForm = `[DEFAULT]
broker = redis://broker:6379/0
mongodb = mongodb://db:27017
schedule = 900
in-toto-sign-key-fpr = 8DEB0BEF1D99FEB8B9A90FB192EF6D6141641E5C
repo-ssh-key = id_rsa
repo-remote-ssh-host = rebuilder@mirror.example.org
repo-remote-ssh-basedir = /data/rebuilder
dist = qubes-4.1-vm-bullseye.amd64 unstable+essential.all bullseye.amd64
`;

const newForm = `[celery]
broker = redis://broker:6379/0
backend = mongodb://backend:27017
max_retries = 5

[common]
schedule_get = 1h
in-toto-sign-key-fpr = 8DEB0BEF1D99FEB8B9A90FB192EF6D6141641E5C
mirror = deb [check-valid-until=no] http://mirror.example.org/debian bookworm main
    # the security archive
    deb http://mirror.example.org/security bookworm-security main

[debian]
dist = bookworm.amd64
    bookworm.all bookworm.all
check-valid-until = off

[qubesos]
schedule_get = 60
dist = qubes-4.3-vm-trixie.amd64
`;

describe('rebuilder.conf', () => {
  it('is read in the old form, one section for everything', () => {
    const config = load('orchestrator', oldForm);
    expect(config.celery).toEqual({
      broker: { kind: 'redis', url: 'redis://broker:6379/0' },
      backend: { kind: 'mongodb', url: 'mongodb://db:27017' },
      maxRetries: 2,
    });
    expect(config.projects.debian.scheduleGet).toBe(900);
    expect(config.projects.debian.dists.map(({ text }) => text)).toEqual([
      'unstable+essential.all',
      'bullseye.amd64',
    ]);
    expect(config.projects.qubesos.dists.map(({ text }) => text)).toEqual(['qubes-4.1-vm-bullseye.amd64']);
    expect(config.projects.fedora.dists).toEqual([]);
    expect(config.warnings).toEqual([]);
  });

  it('is read in the new form, where a project falls back to [common]', () => {
    const config = load('orchestrator', newForm);
    expect(config.celery.maxRetries).toBe(5);
    expect(config.projects.debian.scheduleGet).toBe(3_600);
    expect(config.projects.qubesos.scheduleGet).toBe(60);
    expect(config.common.scheduleGet).toBe(3_600);
    expect(config.common.scheduleGenerateResults).toBe(300);
    expect(config.projects.debian.dists.map(({ text }) => text)).toEqual(['bookworm.amd64', 'bookworm.all']);
    const getter = load('getter', newForm);
    expect(getter.projects.debian.checkValidUntil).toBe(false);
    expect(getter.projects.qubesos.checkValidUntil).toBeUndefined();
    expect(getter.projects.fedora.mirror).toEqual([
      'deb [check-valid-until=no] http://mirror.example.org/debian bookworm main',
      'deb http://mirror.example.org/security bookworm-security main',
    ]);
  });

  it('needs nothing to begin', () => {
    const config = load('orchestrator', '[debian]\n');
    expect(config.celery.broker).toEqual({ kind: 'embedded' });
    expect(config.celery.backend).toEqual({ kind: 'embedded' });
  });

  it("shows each role its own keys and nobody else's", () => {
    const text = `${newForm}repo-ssh-key = id_rsa\nroot-layout = /root.layout\nbuild-memory = 4G\n`;
    for (const role of configRoles) {
      const config = load(role, text);
      const shown = [config.celery, config.common, ...Object.values(config.projects)].flatMap((part) =>
        Object.keys(part),
      );
      const own = Object.entries(keys).filter(([, key]) => (key.readers as readonly Role[]).includes(role));
      expect(new Set(shown)).toEqual(new Set(own.map(([name]) => name)));
    }
    expect(load('uploader', text).projects.qubesos.sshKey).toBe('id_rsa');
    expect(JSON.stringify(load('getter', text))).not.toContain('id_rsa');
    expect(JSON.stringify(load('rebuilder', text))).not.toContain('8DEB0BEF');
  });

  it('of the package gives way to that of the qube, key by key', () => {
    const config = load(
      'orchestrator',
      newForm,
      '[common]\nschedule_get = 30\n[celery]\nbackend = sqlite:/x.sqlite\n',
    );
    expect(config.common.scheduleGet).toBe(30);
    expect(config.celery).toEqual({
      broker: { kind: 'redis', url: 'redis://broker:6379/0' },
      backend: { kind: 'embedded', path: '/x.sqlite' },
      maxRetries: 5,
    });
  });

  it('need not be there twice, but once', () => {
    const there = file('[common]\n');
    const missing = join(folder, 'missing.conf');
    expect(loadConfig('getter', { paths: [missing, there], env: {} }).files).toEqual([there]);
    expect(() => loadConfig('getter', { paths: [missing], env: {} })).toThrow(
      `${missing}: found no such file, expected a rebuilder.conf`,
    );
  });

  it('is looked for where the environment says, else where systems keep it', () => {
    expect(configPaths({ PACKAGE_REBUILDER_CONF: '/a.conf' })).toEqual(['/a.conf']);
    expect(configPaths({})).toEqual([
      '/etc/package-rebuilder/rebuilder.conf',
      '/rw/config/package-rebuilder/rebuilder.conf',
    ]);
  });

  it("lets the seed's variables stand in for broker and backend", () => {
    const env = { CELERY_BROKER_URL: 'redis://r/1', CELERY_RESULT_BACKEND: 'nonsense' };
    const path = file('[celery]\nbackend = sqlite:/x\n');
    const { celery } = loadConfig('orchestrator', { paths: [path], env });
    expect(celery.broker).toEqual({ kind: 'redis', url: 'redis://r/1' });
    expect(() => loadConfig('orchestrator', { paths: [file('[celery]\n')], env })).toThrow(
      'the environment: CELERY_RESULT_BACKEND: found "nonsense", expected sqlite:PATH or mongodb://HOST:PORT',
    );
  });

  it('takes the newer of two names for one key, and the later truth of two stores', () => {
    const config = load(
      'orchestrator',
      '[DEFAULT]\nschedule = 1\nschedule_get = 2\nmongodb = mongodb://a\nbackend = mongodb://b\n',
    );
    expect(config.common.scheduleGet).toBe(2);
    expect(config.celery.backend).toEqual({ kind: 'mongodb', url: 'mongodb://b' });
  });

  it('takes an empty value for a value not set', () => {
    expect(
      load('getter', '[common]\nsnapshot = http://a.example\n[debian]\nsnapshot =\n').projects.debian
        .snapshot,
    ).toBeUndefined();
  });

  it('says in one line what it understood and will not do', () => {
    const config = load(
      'orchestrator',
      '[DEFAULT]\nbroker = amqp://guest:guest@broker:5672\nbackend = db+sqlite:////r.sqlite\n[common]\ndist = sid.all\n',
    );
    expect(config.celery.broker).toEqual({ kind: 'amqp', url: 'amqp://guest:guest@broker:5672' });
    expect(config.projects.debian.dists).toEqual([]);
    expect(config.warnings.map((line) => line.replace(/^.*\.conf/, 'FILE'))).toEqual([
      "FILE:5: dist: ignored in [common], expected in a project's section",
      "FILE:2: broker: amqp: is of the seed's first year and not used",
      "FILE:3: backend: db+sqlite: is of the seed's first year and not used",
    ]);
  });
});

describe('a mistake in rebuilder.conf', () => {
  it.each([
    [
      '[common]\nshedule_get = 1\n',
      'FILE:2: shedule_get: found an unknown key in [common], expected schedule_get',
    ],
    ['[debain]\n', 'FILE:1: [debain]: found an unknown section, expected [debian]'],
    ['[common]\nbroker = redis://x\n', 'FILE:2: broker: found it in [common], expected it in [celery]'],
    [
      '[celery]\nsnapshot = http://x\n',
      'FILE:2: snapshot: found it in [celery], expected it in [common] or a project',
    ],
    [
      '[common]\n\nschedule_get = often\n',
      'FILE:3: schedule_get: found "often", expected a time of at least one second, such as 1800, 30m or 12h',
    ],
    [
      '[common]\nschedule_get = 0\n',
      'FILE:2: schedule_get: found "0", expected a time of at least one second, such as 1800, 30m or 12h',
    ],
    ['[celery]\nmax_retries = -1\n', 'FILE:2: max_retries: found "-1", expected a number from 0 to 100'],
    [
      '[celery]\nbroker = http://x\n',
      'FILE:2: broker: found "http://x", expected sqlite:PATH or redis://HOST:PORT/DATABASE',
    ],
    [
      '[common]\nin-toto-sign-key-fpr = 41641E5C\n',
      'FILE:2: in-toto-sign-key-fpr: found "41641E5C", expected a full OpenPGP fingerprint (40 hexadecimal digits)',
    ],
    [
      '[common]\nin-toto-sign-key-previous-fpr = 41641E5C\n',
      'FILE:2: in-toto-sign-key-previous-fpr: found "41641E5C", expected full OpenPGP fingerprints (40 hexadecimal digits each), separated by blanks',
    ],
    [
      `[common]\nin-toto-sign-key-unreproducible-previous-fpr = ${'A '.repeat(17)}\n`,
      /^FILE:2: in-toto-sign-key-unreproducible-previous-fpr: found .*, expected at most 16 fingerprints$/,
    ],
    ['[common]\ncheck-valid-until = maybe\n', 'FILE:2: check-valid-until: found "maybe", expected yes or no'],
    ['[common]\nopenpgp = gpg\n', 'FILE:2: openpgp: found "gpg", expected qubes.Gpg or qubes.Gpg2'],
    [
      '[common]\nbuild-memory = lots\n',
      'FILE:2: build-memory: found "lots", expected a size, such as 512M or 20G',
    ],
    [
      '[common]\nmirror = http://deb.example.org bookworm\n',
      'FILE:2: mirror: found "http://deb.example.org bookworm", expected lines `deb [OPTIONS] URI SUITE COMPONENTS...`',
    ],
    ...['/keys/a.gpg', 'sid=a.gpg', '=/keys/a.gpg', 'sid=', '../sid=/keys/a.gpg'].map(
      (found): [string, string] => [
        `[common]\narchive-keyring = ${found}\n`,
        `FILE:2: archive-keyring: found "${found}", expected SUITE=FILE, such as bookworm=/etc/keys/mine.gpg`,
      ],
    ),
    ['[common]\nroot-layout = layout\n', 'FILE:2: root-layout: found "layout", expected an absolute path'],
    [
      '[common]\nsnapshot = ftp://x\n',
      'FILE:2: snapshot: found "ftp://x", expected an http:// or https:// URL',
    ],
    [
      '[debian]\ndist = qubes-4.3-vm-trixie.amd64\n',
      'FILE:2: dist: found qubes-4.3-vm-trixie.amd64 in [debian], expected it in [qubesos]',
    ],
    [
      '[common]\nslots = 1\nslots = 2\n',
      'FILE:3: slots: found the key a second time in its section, expected each key once',
    ],
    ['[common]\n[common]\n', 'FILE:2: [common]: found the section a second time, expected each section once'],
    [
      'slots = 1\n',
      'FILE:1: found a line before any section (slots = 1), expected a section such as [common]',
    ],
    ['[common]\nslots\n', 'FILE:2: found a line without = or : (slots), expected KEY = VALUE'],
    [
      '[common]\nslots = \u001b[31m1\n',
      'FILE:2: slots: found "\\x1b[31m1", expected a number of builds at once from 1 to 64',
    ],
    ['[common]\n\u001b[31m = 1\n', /^FILE:2: \\x1b\[31m: found an unknown key in \[common\], expected /],
  ])('%j is one line', (text, expected) => {
    if (typeof expected === 'string') expect(complaint(text)).toBe(expected);
    else expect(complaint(text)).toMatch(expected);
  });

  it('in a dist says what is wrong with it', () => {
    expect(complaint('[debian]\ndist = bookworm\n')).toMatch(
      /^FILE:2: dist: found "bookworm", expected dists such as bookworm.amd64 \(.*architecture.*\)$/,
    );
  });

  it('in its bytes is told as well', () => {
    const path = join(folder, 'latin1.conf');
    writeFileSync(path, Buffer.from([0x23, 0xff, 0x0a]));
    expect(() => loadConfig('getter', { paths: [path], env: {} })).toThrow(
      'found bytes that are not UTF-8, expected a readable text file',
    );
  });
});

const samples = resolve('../shared/samples/10-rebuilder-conf');
describe.runIf(existsSync(samples))('the configurations of the seed', () => {
  it.each(existsSync(samples) ? readdirSync(samples) : [])('%s loads for every role', (name) => {
    for (const role of configRoles) {
      const config = loadConfig(role, { paths: [join(samples, name)], env: {} });
      expect(config.role).toBe(role);
    }
    const uploader = loadConfig('uploader', { paths: [join(samples, name)], env: {} });
    const attester = loadConfig('attester', { paths: [join(samples, name)], env: {} });
    expect(attester.projects.debian.signKey).toMatch(/^[0-9A-F]{40}$/);
    if (!name.startsWith('tests-'))
      expect(uploader.projects.qubesos.sshHost).toBe('rebuilder@mirror.notset.fr');
  });
});
