import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type GnuPg, openGnuPg } from '../../../support/gnupg.ts';
import { askPython } from '../../../support/python.ts';
import { type Ran, runWith } from '../../../unit/rebuilderctl/run.ts';

let home: string;
let dir: string;
let root: string;
let gnupg: GnuPg;
let owner: string;
let rebuilder: string;
let second: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'layout-'));
  gnupg = openGnuPg();
  owner = gnupg.makeKey('owner@example.org', 'rsa2048', 'sign', '2y');
  rebuilder = gnupg.makeKey('rebuilder@example.org', 'rsa2048', 'cert', '2y');
  gnupg.addSubkey(rebuilder, 'rsa2048', 'sign', '1y');
  second = gnupg.makeKey('Zoë <second@example.org>', 'rsa3072', 'sign', '2y');
  writeFileSync(join(home, 'second.asc'), gnupg.gpg(['--armor', '--export', second]));
});
beforeEach(() => {
  dir = mkdtempSync(join(home, 'case-'));
  root = join(dir, 'root.layout');
});
afterAll(() => {
  gnupg.remove();
  rmSync(home, { recursive: true });
});

function layout(...args: readonly string[]): Promise<Ran> {
  return runWith({}, ['layout', ...args, '--gpg-home', gnupg.home]);
}

function read(path = root) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** A signed layout that believes one rebuilder for a year. */
async function make(...more: readonly string[]): Promise<Ran> {
  const args = ['--rebuilder-key', rebuilder, '--expires', '1y', '--owner-key', owner, '-o', root];
  return layout('init', ...args, ...more);
}

/** in-toto's own tool: throws unless that key's signature is good. */
function verifyByInToto(key: string, file = root): void {
  execFileSync('in-toto-sign', ['--verify', '-f', file, '--gpg', key, '--gpg-home', gnupg.home], {
    stdio: 'pipe',
  });
}

const oneYear = new RegExp(`valid until ${new Date().getUTCFullYear() + 1}-`);

describe('rebuilderctl layout init', () => {
  it('makes, signs and writes in one step what in-toto accepts, with the keys as export_pubkeys gives them', async () => {
    const made = await make('--rebuilder-key', join(home, 'second.asc'), '--threshold', '2');
    expect(made).toMatchObject({ code: 0, out: '' });
    expect(made.err).toMatch(oneYear);
    expect(made.err).toContain('asks for 2 of 2 rebuilders');
    verifyByInToto(owner);
    const exported = askPython(
      `
import json, sys
from securesystemslib.gpg.functions import export_pubkeys
asked = json.load(sys.stdin)
print(json.dumps(json.dumps(export_pubkeys(asked["keys"], homedir=asked["home"]), sort_keys=True)))`,
      { home: gnupg.home, keys: [rebuilder, second] },
    );
    const sorted = askPython(
      'import json, sys; print(json.dumps(json.dumps(json.load(sys.stdin), sort_keys=True)))',
      read().signed.keys,
    );
    expect(sorted).toBe(exported);
    expect((await layout('check', root, '--owner-key', owner)).code).toBe(0);
  });

  it('prints the layout where no file is named, for a month where no expiry is given, as in-toto does', async () => {
    const { out, err, code } = await layout('init', '--rebuilder-key', rebuilder, second);
    expect({ err, code }).toEqual({ err: '', code: 0 });
    const { signatures, signed } = JSON.parse(out);
    expect(signatures).toEqual([]);
    expect(signed.steps[0].pubkeys).toEqual([rebuilder.toLowerCase(), second.toLowerCase()]);
    const days = (Date.parse(signed.expires) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(27);
    expect(days).toBeLessThan(32);
  });

  it('replaces no file unless told to, and leaves nothing beside it', async () => {
    await make();
    const before = readFileSync(root);
    expect(await make()).toMatchObject({
      code: 2,
      err: expect.stringMatching(/is there already.*\n.*--force/),
    });
    expect(readFileSync(root).equals(before)).toBe(true);
    expect((await make('--force')).err).toContain(`${root}: replaced`);
    expect(readdirSync(dir)).toEqual(['root.layout']);
  });

  it('tells a program what it wrote', async () => {
    const { out, err } = await make('--json');
    expect(err).toBe('');
    expect(JSON.parse(out)).toMatchObject({
      file: root,
      threshold: 1,
      rebuilders: [rebuilder.toLowerCase()],
      signedBy: [owner.toLowerCase()],
      findings: [],
      replaced: false,
    });
    expect((await layout('init', '--rebuilder-key', rebuilder, '--json')).err).toContain('--output');
  });

  it('refuses what could not be satisfied or believed, in a sentence, and writes nothing', async () => {
    const refuse = async (args: readonly string[], wanted: RegExp) => {
      const { code, err } = await layout('init', ...args, '-o', root);
      expect(err).toMatch(wanted);
      expect(code).toBe(2);
    };
    await refuse([], /--rebuilder-key/);
    await refuse(
      ['--rebuilder-key', rebuilder, '--threshold', '2'],
      /threshold 2: expected a number from 1 to 1/,
    );
    await refuse(['--rebuilder-key', rebuilder, rebuilder, '--threshold', '2'], /from 1 to 1/);
    await refuse(['--rebuilder-key', rebuilder, '--expires', 'tomorrow'], /expected 90d, 8w, 6m, 1y/);
    await refuse(['--rebuilder-key', rebuilder, '--expires', '2020-01-01'], /has passed/);
    await refuse(['--rebuilder-key', '/nonexistent'], /\/nonexistent: cannot be read \(ENOENT\)/);
    await refuse(['--rebuilder-key', 'ABCD'], /ABCD: neither a full fingerprint/);
    await refuse(['--rebuilder-key', 'AB'.repeat(20)], /no public key .*\n.*--gpg-home/);
    await refuse(['--rebuilder-key', rebuilder, '--owner-key', 'ABCD'], /full OpenPGP fingerprint/);
    await refuse(['--rebuilder-key', rebuilder, '--owner-key', 'CD'.repeat(20)], /no public key/);
    expect(readdirSync(dir)).toEqual([]);
  });

  it('refuses a key without a part that signs and that in-toto takes, with the command that makes one', async () => {
    const certifies = gnupg.makeKey('certifies@example.org', 'rsa2048', 'cert');
    const short = gnupg.makeKey('short@example.org', 'rsa2048', 'cert');
    gnupg.addSubkey(short, 'ed25519', 'sign');
    const weak = gnupg.makeKey('weak@example.org', 'rsa1024', 'sign');
    const revoked = gnupg.makeKey('revoked@example.org');
    const certificate = readFileSync(join(gnupg.home, 'openpgp-revocs.d', `${revoked}.rev`), 'utf8');
    gnupg.gpg(['--import'], certificate.replace(':-----BEGIN', '-----BEGIN'));
    const mixed = gnupg.makeKey('mixed@example.org', 'ed25519', 'cert');
    gnupg.addSubkey(mixed, 'rsa2048', 'sign');
    const past = ['--faked-system-time', '20200101T000000', '--passphrase', '', '--status-fd', '1'];
    const status = gnupg.gpg([...past, '--quick-generate-key', 'past@example.org', 'rsa2048', 'sign', '1y']);
    const expired = /KEY_CREATED P ([0-9A-F]{40})/.exec(status.toString())?.[1] ?? '';
    for (const [key, why, remedy] of [
      [expired, /it has expired/, `gpg --quick-set-expire ${expired} 2y`],
      [revoked, /it is revoked/, 'gpg --quick-generate-key'],
      [mixed, /one that in-toto leaves out/, 'gpg --quick-generate-key'],
      [certifies, /no part of it may sign/, `gpg --quick-add-key ${certifies} rsa3072 sign`],
      [short, /one that in-toto leaves out/, `gpg --quick-add-key ${short} rsa3072 sign`],
      [weak, /less than 2048 bits/, `gpg --quick-add-key ${weak} rsa3072 sign`],
    ] as const) {
      const { code, err } = await layout('init', '--rebuilder-key', key);
      expect(err).toMatch(why);
      expect(err).toContain(remedy);
      expect(code).toBe(2);
    }
  });
});

describe('rebuilderctl layout sign', () => {
  it('writes the very bytes that in-toto-sign writes', async () => {
    await layout('init', '--rebuilder-key', rebuilder, second, '--readme', 'für “alle”\t', '-o', root);
    const theirs = join(dir, 'theirs.layout');
    // With one time for both, RSA signatures are the same.
    const GNUPG = 'gpg --faked-system-time 20270101T000000!';
    execFileSync('in-toto-sign', ['-f', root, '-o', theirs, '-g', owner, '--gpg-home', gnupg.home], {
      stdio: 'pipe',
      env: { ...process.env, GNUPG },
    });
    const args = ['layout', 'sign', root, '--owner-key', owner, '--gpg-home', gnupg.home];
    expect(await runWith({}, args, { env: { GNUPG } })).toMatchObject({ code: 0 });
    expect(readFileSync(root, 'utf8')).toBe(readFileSync(theirs, 'utf8'));
  });

  it('gives a month to a layout without an expiry', async () => {
    await layout('init', '--rebuilder-key', rebuilder, '-o', root);
    const { signed } = read();
    const { expires: _, ...timeless } = signed;
    writeFileSync(root, JSON.stringify({ signatures: [], signed: timeless }));
    const { err } = await layout('sign', root, '--owner-key', owner);
    const days = (Date.parse(read().signed.expires) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(27);
    expect(days).toBeLessThan(32);
    expect(err).toContain(read().signed.expires);
    verifyByInToto(owner);
  });

  it('replaces signatures, or keeps those of others, and says whose it dropped', async () => {
    await make();
    const kept = await layout('sign', root, '--owner-key', second, '--append');
    expect(kept.err).not.toContain('dropped');
    for (const key of [owner, second]) verifyByInToto(key);
    await layout('sign', root, '--owner-key', second, '--append');
    expect(read().signatures.map((one: { keyid: string }) => one.keyid)).toEqual(
      [owner, second].map((key) => key.toLowerCase()),
    );
    const alone = await layout('sign', root, '--owner-key', second);
    expect(alone.err).toContain(`dropped: the signature by ${owner.toLowerCase()}`);
    await layout('sign', root, '--owner-key', owner, '--owner-key', second);
    for (const key of [owner, second]) verifyByInToto(key);
  });

  it.each([
    ['not JSON', () => '{"signed": '],
    [
      'a rule that in-toto does not know',
      () => changed((one) => (one.steps[0].expected_products = [['KEEP', '*']])),
    ],
    ['a day that no month has', () => changed((one) => (one.expires = '2030-02-30T00:00:00Z'))],
    ['a key that is none', () => changed((one) => (one.keys = { ab: { keyid: 'ab' } }))],
    ['a link', () => JSON.stringify({ signatures: [], signed: { _type: 'link', name: 'rebuild' } })],
  ])('never signs a malformed file: %s', async (_what, textOf) => {
    await layout('init', '--rebuilder-key', rebuilder, '-o', root);
    const text = textOf();
    writeFileSync(root, text);
    const { code, err } = await layout('sign', root, '--owner-key', owner);
    expect(code).toBe(2);
    expect(err).toContain(`rebuilderctl: ${root}: `);
    expect(readFileSync(root, 'utf8')).toBe(text);
  });

  function changed(change: (signed: ReturnType<typeof read>) => unknown): string {
    const document = read();
    change(document.signed);
    return JSON.stringify(document);
  }

  it('refuses an expired layout, an unnamed owner, and an owner whose private part is not here', async () => {
    await make();
    const text = changed((one) => (one.expires = '2020-01-01T00:00:00Z'));
    writeFileSync(root, text);
    expect((await layout('sign', root)).err).toContain('--owner-key FINGERPRINT');
    expect((await layout('sign', root, '--owner-key', owner)).err).toMatch(
      /expired on 2020.*\n.*layout renew/,
    );
    expect(readFileSync(root, 'utf8')).toBe(text);
    const verifier = openGnuPg();
    verifier.gpg(['--import'], gnupg.exportKey(owner));
    const args = ['layout', 'renew', root, '--owner-key', owner, '--gpg-home', verifier.home];
    const { code, err } = await runWith({}, args);
    verifier.remove();
    expect(code).toBe(2);
    expect(err).toMatch(/owner key .*\n.*qubes-gpg-client-wrapper/);
    expect(readFileSync(root, 'utf8')).toBe(text);
  });

  it('asks a program in place of gpg for nothing that split-GPG refuses', async () => {
    // Of the options that src/gpg-common.h of split-GPG allows, those that signing and exporting need; homedir is none.
    const wrapper = join(dir, 'wrapper');
    writeFileSync(
      wrapper,
      `#!/bin/sh
for word; do case "$word" in
  --detach-sign|--digest-algo|--local-user|--export) ;;
  -*) echo "$word: not allowed" >&2; exit 1 ;;
esac; done
exec gpg --homedir '${gnupg.home}' --batch "$@"
`,
    );
    chmodSync(wrapper, 0o755);
    const env = { GNUPG: wrapper };
    const init = ['layout', 'init', '--rebuilder-key', rebuilder, '--owner-key', owner, '-o', root];
    expect(await runWith({}, init, { env })).toMatchObject({ code: 0 });
    verifyByInToto(owner);
    const renew = ['layout', 'renew', root, '--expires', '1y', '--owner-key', owner];
    expect(await runWith({}, renew, { env })).toMatchObject({ code: 0 });
    verifyByInToto(owner);
    const check = ['layout', 'check', root, '--owner-key', owner, '--rebuilder-key', rebuilder];
    expect(await runWith({}, check, { env })).toMatchObject({ code: 0, err: '' });
  });

  it('keeps the mode of the file and the link that leads to it', async () => {
    await make();
    chmodSync(root, 0o640);
    const link = join(dir, 'link.layout');
    symlinkSync('root.layout', link);
    const before = read().signed.expires;
    expect((await layout('renew', link, '--owner-key', owner, '--expires', '2y')).code).toBe(0);
    expect(statSync(root).mode & 0o777).toBe(0o640);
    expect(read().signed.expires > before).toBe(true);
    expect(readdirSync(dir).sort()).toEqual(['link.layout', 'root.layout']);
  });
});

describe('rebuilderctl layout add-key', () => {
  it('adds a rebuilder, raises the threshold and has the owner sign', async () => {
    await make();
    const args = ['--rebuilder-key', join(home, 'second.asc'), '--threshold', '2', '--owner-key', owner];
    const added = await layout('add-key', root, ...args);
    expect(added.err).toContain('asks for 2 of 2 rebuilders');
    expect(added.err).toContain(`key ${second.toLowerCase()}: added`);
    expect(read().signed.steps[0].pubkeys).toEqual([rebuilder.toLowerCase(), second.toLowerCase()]);
    verifyByInToto(owner);
    expect((await layout('check', root, '--owner-key', owner)).code).toBe(0);
  });

  it('leaves a signed layout signed: without its owner it is not changed', async () => {
    await make();
    const before = readFileSync(root);
    const refused = await layout('add-key', root, '--rebuilder-key', second);
    expect(refused).toMatchObject({ code: 2, err: expect.stringMatching(/is signed.*\n.*--owner-key/) });
    const same = await layout('add-key', root, '--rebuilder-key', rebuilder);
    expect(same).toMatchObject({ code: 0, err: expect.stringContaining('left as it is') });
    expect(readFileSync(root).equals(before)).toBe(true);
    const other = join(dir, 'next.layout');
    expect((await layout('add-key', root, '--rebuilder-key', second, '-o', other)).err).toContain('unsigned');
    expect(readFileSync(root).equals(before)).toBe(true);
    expect(Object.keys(read(other).signed.keys)).toHaveLength(2);
  });

  it('takes a key in its present form in place of the old one', async () => {
    const key = gnupg.makeKey('extended@example.org', 'rsa2048', 'sign', '10d');
    await layout('init', '--rebuilder-key', key, '--expires', '1y', '--owner-key', owner, '-o', root);
    const checked = () => layout('check', root, '--rebuilder-key', key, '--json');
    expect(JSON.parse((await checked()).out).findings).toMatchObject([{ code: 'key-expires-soon' }]);
    gnupg.gpg(['--quick-set-expire', key, '3y']);
    const codes = JSON.parse((await checked()).out).findings.map((one: { code: string }) => one.code);
    expect(codes).toEqual(['key-expires-soon', 'key-outdated']);
    const { err } = await layout('add-key', root, '--rebuilder-key', key, '--owner-key', owner);
    expect(err).toContain(`key ${key.toLowerCase()}: renewed`);
    expect(await checked()).toMatchObject({ code: 0 });
  });

  it('refuses a threshold beyond its keys, and nothing to add', async () => {
    await make();
    expect((await layout('add-key', root)).err).toContain('nothing to add');
    expect((await layout('add-key', root, '--threshold', '3', '--owner-key', owner)).err).toContain(
      'from 1 to 1',
    );
  });
});

describe('rebuilderctl layout remove-key', () => {
  const makeBoth = () => make('--rebuilder-key', join(home, 'second.asc'), '--threshold', '2');

  it('removes a rebuilder, lowers the threshold and has the owner sign', async () => {
    await makeBoth();
    const { code, err } = await layout('remove-key', root, second, '--threshold', '1', '--owner-key', owner);
    expect({ code, err }).toMatchObject({
      code: 0,
      err: expect.stringContaining('asks for 1 of 1 rebuilders'),
    });
    expect(err).toContain(`key ${second.toLowerCase()}: removed`);
    expect(Object.keys(read().signed.keys)).toEqual([rebuilder.toLowerCase()]);
    verifyByInToto(owner);
    expect((await layout('check', root, '--owner-key', owner)).code).toBe(0);
  });

  it('changes nothing that could not be met, or would not be signed any more', async () => {
    await makeBoth();
    const before = readFileSync(root);
    for (const [args, why] of [
      [[second, '--owner-key', owner], /asks for 2 rebuilders, and would have 1: lower it/],
      [[second, rebuilder, '--threshold', '1', '--owner-key', owner], /would have 0/],
      [[owner, '--threshold', '1', '--owner-key', owner], /it holds no key/],
      [[second, '--threshold', '1'], /is signed.*\n.*--owner-key/],
      [['ABCD', '--threshold', '1', '--owner-key', owner], /full OpenPGP fingerprint/],
      [['--threshold', '1', '--owner-key', owner], /missing required argument/],
    ] as const) {
      const { code, err } = await layout('remove-key', root, ...args);
      expect(err).toMatch(why);
      expect(code).toBe(2);
      expect(readFileSync(root).equals(before)).toBe(true);
    }
  });

  it('does not leave a layout whose other key has expired', async () => {
    await makeBoth();
    const document = read();
    const key = document.signed.keys[rebuilder.toLowerCase()];
    Object.assign(key, { creation_time: key.creation_time - 1_000, validity_period: 1, subkeys: {} });
    writeFileSync(root, JSON.stringify({ ...document, signatures: [] }));
    const { code, err } = await layout('remove-key', root, second, '--threshold', '1');
    expect(err).toMatch(
      /asks for 1 rebuilders, and 0 of its keys can be used: nothing was changed\n.*add-key/,
    );
    expect(code).toBe(2);
  });
});

describe('a rebuilder’s key by whose newest subkey gpg signs in vain', () => {
  it('is told of by init, add-key and check, with what its holder can do; and a newer subkey is a remedy', async () => {
    const key = gnupg.makeKey('two-subkeys@example.org', 'rsa2048', 'cert', '2y');
    gnupg.addSubkey(key, 'rsa2048', 'sign', '1y');
    const addLater = (algorithm: string, seconds: number) => {
      const later = new Date(Date.now() + seconds * 1_000).toISOString().replace(/[-:]|\.\d+Z/g, '');
      gnupg.gpg([
        '--faked-system-time',
        later,
        '--passphrase',
        '',
        '--quick-add-key',
        key,
        algorithm,
        'sign',
        '1y',
      ]);
    };
    addLater('ed25519', 10);
    const expected = new RegExp(
      `subkey-left-out: key ${key.toLowerCase()} has a newest .*\\n.*gpg --quick-add-key ${key}`,
    );
    const made = await layout(
      'init',
      '--rebuilder-key',
      key,
      '--expires',
      '1y',
      '--owner-key',
      owner,
      '-o',
      root,
    );
    expect(made).toMatchObject({ code: 0, err: expect.stringMatching(expected) });
    expect((await layout('add-key', root, '--rebuilder-key', key)).err).toMatch(expected);
    const checked = await layout('check', root, '--rebuilder-key', key, '--json');
    expect(JSON.parse(checked.out).findings).toMatchObject([{ code: 'subkey-left-out' }]);
    addLater('rsa2048', 20);
    await layout('add-key', root, '--rebuilder-key', key, '--owner-key', owner);
    expect(await layout('check', root, '--rebuilder-key', key)).toMatchObject({ code: 0 });
  });
});

describe('rebuilderctl layout renew', () => {
  it('gives an expired layout a new expiry and a signature by its owner', async () => {
    await make();
    const document = read();
    document.signed.expires = '2020-01-01T00:00:00Z';
    writeFileSync(root, JSON.stringify(document));
    const { code, err } = await layout('renew', root, '--expires', '1y', '--owner-key', owner);
    expect(code).toBe(0);
    expect(err).toMatch(oneYear);
    verifyByInToto(owner);
    const month = await layout('renew', root, '--owner-key', owner);
    expect(month.err).not.toContain('expires-soon');
    expect((await layout('check', root, '--owner-key', owner)).out).toContain('expires-soon: it expires on');
    expect((await layout('renew', root)).err).toContain('--owner-key FINGERPRINT');
  });
});

describe('rebuilderctl layout check', () => {
  it('exits 0, 1 or 2: nothing to do, something to do, not to be read', async () => {
    await make();
    const good = await layout('check', root, '--owner-key', owner);
    expect(good).toMatchObject({ code: 0, err: '', out: expect.stringMatching(oneYear) });
    const other = await layout('check', root, '--owner-key', second);
    expect(other.code).toBe(1);
    expect(other.out).toContain(`signature-missing: key ${second.toLowerCase()} has not signed it`);
    expect(other.out).toContain(`rebuilderctl layout sign ${root} --append --owner-key ${second})`);
    for (const args of [['/nonexistent'], [root, '--owner-key', '/nonexistent']]) {
      expect((await layout('check', ...args)).code).toBe(2);
    }
    writeFileSync(root, 'no layout');
    expect(await layout('check', root)).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining(root),
    });
  });

  it('says that it verified nothing where no owner is named', async () => {
    await make();
    expect(await layout('check', root)).toMatchObject({
      code: 0,
      err: expect.stringContaining('No signature was verified'),
    });
  });

  it('answers programs with the codes, what is so and what to do', async () => {
    await make();
    const document = read();
    document.signed.readme = 'changed';
    writeFileSync(root, JSON.stringify(document));
    const { code, out } = await layout('check', root, '--owner-key', owner, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      file: root,
      threshold: 1,
      findings: [
        {
          code: 'signature-bad',
          subject: owner.toLowerCase(),
          say: expect.any(String),
          next: expect.any(String),
        },
      ],
    });
    expect(out).not.toMatch(/FILE|KEY/);
    expect(() => verifyByInToto(owner)).toThrow();
  });
});
