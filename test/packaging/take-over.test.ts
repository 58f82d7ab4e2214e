import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Machine } from '../support/machine.ts';
import { lineCtl } from './standalone-line.ts';

/** A host on which PackageRebuilder ran, with what it kept in its folders (its README, "Installation"). */

let host: Machine;
const seed = '/var/lib/rebuilder';
const states = '/var/lib/rebuilder-line/state';
const samples = join(import.meta.dirname, '../../../shared/samples/03-in-toto/apt-transport-tests');
const sample = join(samples, 'rebuild.5863835e.link');
/** A link of the seed's kind: a published sample where there are any. */
const link = existsSync(sample)
  ? readFileSync(sample, 'utf8')
  : JSON.stringify({ signatures: [], signed: { _type: 'link', name: 'rebuild', products: {} } });
let fingerprint: string;

const askMs = { timeout: 120_000 };
/** Everything in the seed's folders, with its times: gpg's own agents leave sockets nowhere there. */
const seedNow = () =>
  host.run(
    'sh',
    '-c',
    `cd ${seed} && find . -printf '%p %y %m %u %T@ %l\\n' | sort && find . -type f | sort | xargs sha256sum`,
  );

function write(path: string, text: string): void {
  const full = host.path(join(seed, path));
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text);
}

beforeAll(async () => {
  host = await Machine.boot();
  for (const name of ['rebuild', 'broker', 'backend', 'ssh', 'gnupg']) {
    mkdirSync(host.path(join(seed, name)), { recursive: true });
  }
  const version = 'rebuild/debian/sources/bash/5.1-2';
  for (const name of ['rebuild.5863835e.amd64.link', 'rebuild.5863835e.link'])
    write(`${version}/${name}`, link);
  symlinkSync('rebuild.5863835e.link', host.path(join(seed, version, 'metadata')));
  symlinkSync('bash', host.path(join(seed, 'rebuild/debian/sources/bash-doc')));
  symlinkSync('nowhere', host.path(join(seed, 'rebuild/debian/sources/gone')));
  write('rebuild/debian/results/debian.json', '{}');
  write('backend/WiredTiger', 'a database');
  await host.run('ssh-keygen', '-q', '-t', 'rsa', '-N', '', '-f', `${seed}/ssh/id_rsa`);
  write('ssh/known_hosts', 'mirror.example.org ssh-ed25519 AAAA\n');
  const gpg = ['gpg', '--homedir', `${seed}/gnupg`, '--batch', '--passphrase', ''] as const;
  await host.run('chmod', '700', `${seed}/gnupg`);
  await host.run(...gpg, '--quick-gen-key', 'the seed <seed@example.org>', 'rsa3072', 'sign', 'never');
  const listed = await host.run(...gpg, '--with-colons', '--list-secret-keys');
  fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? '';
  await host.run('gpgconf', '--homedir', `${seed}/gnupg`, '--kill', 'all');
  writeFileSync(
    host.path('etc/package-rebuilder/rebuilder.conf'),
    `[DEFAULT]
in-toto-sign-key-fpr = ${fingerprint}
repo-ssh-key = id_rsa
repo-remote-ssh-basedir = /srv/mirror
schedule_generate_results = 5
`,
  );
});
afterAll(() => host?.close());

describe('rebuilderctl take-over', () => {
  it('shows what it would do, and changes nothing until it is told to', async () => {
    const before = await seedNow();
    const told = await host.run('rebuilderctl', 'take-over');
    expect(told).toContain('6 published files');
    expect(told).toContain(`key ${fingerprint}`);
    expect(told).toContain('id_rsa, id_rsa.pub, known_hosts');
    expect(told).toMatch(/backend .*not taken over/);
    expect(told).toMatch(/rebuild: left out \(.*\): debian\/sources\/gone$/m);
    expect((await host.try('ls', states)).exitCode).not.toBe(0);
    expect(await seedNow()).toBe(before);
  });

  it('refuses a tree with a link that leads out of it', async () => {
    symlinkSync('/etc/shadow', host.path(join(seed, 'rebuild/debian/sources/shadow')));
    const told = await host.try('rebuilderctl', 'take-over', '--apply');
    expect(told).toMatchObject({ exitCode: 2, stdout: expect.stringContaining('leads out of') });
    await host.run('rm', `${seed}/rebuild/debian/sources/shadow`);
  });

  it('puts nothing where a role’s links lead', async () => {
    const state = join(states, 'uploader');
    await host.run('install', '-d', '-m', '711', states);
    await host.run(
      'install',
      '-d',
      '-m',
      '700',
      '-o',
      'rebuilder-uploader',
      '-g',
      'rebuilder-uploader',
      state,
    );
    await host.run('ln', '-s', '/etc', join(state, 'ssh'));
    await host.run('ln', '-s', '/etc', join(state, 'inherited.new'));
    const before = await host.run('sh', '-c', 'ls -lR /etc | sha256sum');
    const told = await host.try('rebuilderctl', 'take-over', '--apply');
    expect(told).toMatchObject({ exitCode: 2, stdout: expect.stringContaining('Permission denied') });
    expect(await host.run('sh', '-c', 'ls -lR /etc | sha256sum')).toBe(before);
    await host.run('rm', '-r', states);
  });

  it('brings each thing to the role that has it, and leaves the folder as it is; again, too', async () => {
    const before = await seedNow();
    await host.run('rebuilderctl', 'take-over', '--apply');
    const list = [
      'find',
      states,
      '-mindepth',
      '2',
      '-path',
      '*/gnupg/*',
      '-prune',
      '-o',
      '-printf',
      '%P %m %u\\n',
    ];
    const [program = '', ...args] = list;
    const first = await host.run(program, ...args);
    for (const line of [
      'uploader/ssh 700 rebuilder-uploader',
      'uploader/ssh/id_rsa 600 rebuilder-uploader',
      'uploader/ssh/known_hosts 600 rebuilder-uploader',
      'uploader/inherited/debian/sources/bash-doc/5.1-2/metadata 600 rebuilder-uploader',
      'vault/gnupg 700 rebuilder-vault',
      `attester/keys/${fingerprint}.asc 600 rebuilder-attester`,
    ]) {
      expect(first.split('\n')).toContain(line);
    }
    expect(first).not.toContain('results');
    const asVault = ['runuser', '-u', 'rebuilder-vault', '--', 'gpg', '--homedir', `${states}/vault/gnupg`];
    const [runuser = '', ...more] = [...asVault, '--batch', '--with-colons', '--list-secret-keys'];
    expect(await host.run(runuser, ...more)).toContain(fingerprint);
    expect(await host.run('rebuilderctl', 'take-over', '--apply')).toContain('taken over before');
    expect((await host.run(program, ...args)).split('\n').sort()).toEqual(first.split('\n').sort());
    expect(await seedNow()).toBe(before);
    expect((await host.try('pgrep', 'gpg-agent')).stdout).toBe('');
  });

  it('has the line publish those links as they are, and its attester know that key', async () => {
    await host.run('install', '-d', '-o', 'rebuilder-uploader', '/srv/mirror');
    await host.run('systemctl', 'start', 'rebuilder');
    await lineCtl(host, 'trigger', 'report');
    const published = async () =>
      (await host.try('cat', '/srv/mirror/rebuild/debian/sources/bash-doc/5.1-2/metadata')).stdout;
    await expect.poll(published, askMs).toBe(link);
    expect(await host.run('cat', '/var/lib/rebuilder-line/log/attester.log')).not.toMatch(/warning|error/);
  });
});
