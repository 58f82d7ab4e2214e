import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type OpenPgpService,
  type PublicKey,
  readPublicKeys,
  signAs,
  usableKey,
} from '../../../daemons/attester/keys.ts';
import { parseFingerprint } from '../../../daemons/lib/domain/names.ts';
import { gpgSigner } from '../../../daemons/lib/openpgp/gpg.ts';
import { readKeyParts, signingPartOf } from '../../../daemons/lib/openpgp/key-uses.ts';
import { signDocument } from '../../../daemons/lib/openpgp/sign.ts';
import { type GnuPg, openGnuPg } from '../../support/gnupg.ts';
import { type BundledProgram, bundleProgram } from '../../support/program.ts';

/** Keys as gpg makes them, on a day of January 2021 each; it is the 20th, for the attester and for gpg. */
const at = (day: number) => ['--faked-system-time', `202101${String(day).padStart(2, '0')}T120000!`];
const today = 20;
const now = Date.UTC(2021, 0, today, 12);
const services = ['qubes.Gpg', 'qubes.Gpg2'] as const;

let gnupg: GnuPg;
let dir: string;
let vaultKeys: BundledProgram;
beforeAll(() => {
  gnupg = openGnuPg();
  dir = mkdtempSync(join(tmpdir(), 'keys-'));
  vaultKeys = bundleProgram('daemons/vault/keys/main.ts');
});
afterAll(() => {
  gnupg.remove();
  vaultKeys.remove();
  rmSync(dir, { recursive: true, force: true });
});

/** A primary key of the 1st, and its subkeys, each of one day later. */
type Made = readonly [algorithm: string, usage: string, expires?: string];

function make(
  name: string,
  ...[[algorithm, usage, expires = 'never'], ...subkeys]: [Made, ...Made[]]
): string {
  const unlocked = ['--passphrase', ''];
  const generate = ['--status-fd', '1', '--quick-generate-key', name, algorithm, usage, expires];
  const status = gnupg.gpg([...at(1), ...unlocked, ...generate]).toString();
  const key = /KEY_CREATED [PB] ([0-9A-F]{40})/.exec(status)?.[1] ?? '';
  subkeys.forEach(([part, use, end = 'never'], index) => {
    gnupg.gpg([...at(2 + index), ...unlocked, '--quick-add-key', key, part, use, end]);
  });
  return key;
}

/** What stands in the attester's folder when the operator has put these keys there. */
async function readExported(...keys: readonly string[]): Promise<ReadonlyMap<string, PublicKey>> {
  const folder = mkdtempSync(join(dir, 'f-'));
  for (const key of keys) writeFileSync(join(folder, `${key}.asc`), gnupg.gpg(['--armor', '--export', key]));
  return readPublicKeys(folder);
}

async function use(key: string, by: OpenPgpService) {
  const fingerprint = parseFingerprint(key);
  return usableKey(await readExported(key), { name: 'key', fingerprint, folder: 'keys', by, now });
}

/** By which part a document is signed when gpg is told what the attester tells it, in-toto's check included. */
async function signingPart(key: string, by: OpenPgpService): Promise<string> {
  const usable = await use(key, by);
  const signer = gpgSigner(usable.fingerprint, {
    command: `gpg --batch ${at(today).join(' ')}`,
    home: gnupg.home,
    user: () => signAs(usable, by, now),
  });
  const link = {
    _type: 'link',
    name: 'rebuild',
    byproducts: {},
    command: [],
    environment: {},
    materials: {},
  };
  const document = { ...link, products: {} } as never;
  const { signatures } = await signDocument(document, { signer, key: usable.key, now });
  return signatures[0].keyid;
}

const partsOf = (key: string) => readKeyParts(gnupg.exportKey(key)).map(({ keyid }) => keyid);

describe('a key that signs', () => {
  const cert = ['rsa2048', 'cert'] as const;
  const rsa = ['rsa2048', 'sign'] as const;
  const ed25519 = ['ed25519', 'sign'] as const;

  it.each<[string, [Made, ...Made[]], Partial<Record<OpenPgpService, number>>]>([
    ['RSA with a subkey', [cert, rsa], { 'qubes.Gpg': 1, 'qubes.Gpg2': 1 }],
    ['RSA with two subkeys, by the newest', [cert, rsa, rsa], { 'qubes.Gpg': 2, 'qubes.Gpg2': 2 }],
    ['RSA alone', [rsa], { 'qubes.Gpg': 0 }],
    ['Ed25519 alone', [ed25519], { 'qubes.Gpg': 0 }],
    ['RSA with a newer Ed25519 subkey', [cert, rsa, ed25519], { 'qubes.Gpg': 1, 'qubes.Gpg2': 1 }],
    [
      'RSA with a newer ECDSA subkey',
      [cert, rsa, ['nistp256/ecdsa', 'sign']],
      { 'qubes.Gpg': 1, 'qubes.Gpg2': 1 },
    ],
    ['RSA with no subkey but Ed25519', [rsa, ed25519], { 'qubes.Gpg': 0 }],
    ['Ed25519 with a subkey that in-toto does not know', [ed25519, rsa], { 'qubes.Gpg': 0 }],
    [
      'RSA whose newest RSA subkey has expired',
      [cert, rsa, [...rsa, '2d'], ed25519],
      { 'qubes.Gpg': 1, 'qubes.Gpg2': 1 },
    ],
  ])('may be %s', async (name, made, signs) => {
    const key = make(name, ...made);
    for (const by of services) {
      const part = signs[by];
      if (part === undefined) await expect(use(key, by)).rejects.toMatchObject({ code: 'unusable' });
      else expect(await signingPart(key, by)).toBe(partsOf(key)[part]);
    }
  });

  it('is told by its fingerprint where gpg chooses what in-toto knows, and else by the part', async () => {
    const plain = make('Plain', cert, rsa);
    const shadowed = make('Shadowed', cert, rsa, ed25519);
    for (const by of services) {
      expect(signAs(await use(plain, by), by, now)).toBe(plain);
      const [, known, chosen] = partsOf(shadowed);
      expect(signingPartOf(readKeyParts(gnupg.exportKey(shadowed)), now)).toBe(chosen);
      expect(signAs(await use(shadowed, by), by, now)).toBe(`${known?.toUpperCase()}!`);
    }
  });

  it('has an end also where in-toto does not know it', async () => {
    const { until } = await use(make('Short', [...ed25519, '60d']), 'qubes.Gpg');
    expect(until).toBe(Date.UTC(2021, 0, 1, 12) + 60 * 86_400_000);
  });
});

describe('a key that cannot sign', () => {
  function refusal(key: string, by: OpenPgpService): Promise<Error> {
    return use(key, by).then(
      () => new Error('it is not refused'),
      (error: Error) => error,
    );
  }

  /** Types what the refusal says, as one would in the vault. */
  function followed({ message } = new Error('not refused')): string {
    const folder = mkdtempSync(join(dir, 'bin-'));
    writeFileSync(
      join(folder, 'rebuilder-keys'),
      `#!/bin/sh\nexec "${process.execPath}" "${vaultKeys.path}" "$@"\n`,
      {
        mode: 0o755,
      },
    );
    mkdirSync(join(folder, 'state'));
    const commands = [...message.matchAll(/`([^`]+)`/g)].map(([, command = '']) => command);
    expect(commands).not.toHaveLength(0);
    return commands
      .map((command) =>
        execFileSync('sh', ['-ec', command.replace(/^gpg /, `gpg ${at(today).join(' ')} `)], {
          env: {
            PATH: `${folder}:${process.env.PATH}`,
            GNUPGHOME: gnupg.home,
            STATE_DIRECTORY: join(folder, 'state'),
          },
          stdio: ['ignore', 'pipe', 'pipe'],
          encoding: 'utf8',
        }),
      )
      .join('');
  }

  const subkeyAdded = /gpg --batch --passphrase '' --quick-add-key/;
  const extended = /gpg --quick-set-expire [0-9A-F]{40} 2y`:/;

  it.each<[string, readonly OpenPgpService[], string, RegExp, [Made, ...Made[]]]>([
    ['that is RSA and only certifies', services, 'unusable', subkeyAdded, [['rsa2048', 'cert']]],
    ['that is RSA and has no subkey', ['qubes.Gpg2'], 'unusable', subkeyAdded, [['rsa2048', 'sign']]],
    [
      'whose only subkey is Ed25519',
      ['qubes.Gpg2'],
      'unusable',
      subkeyAdded,
      [
        ['rsa2048', 'sign'],
        ['ed25519', 'sign'],
      ],
    ],
    ['that has expired', ['qubes.Gpg'], 'expired', extended, [['rsa2048', 'sign', '5d']]],
    ['that is Ed25519 and has expired', ['qubes.Gpg'], 'expired', extended, [['ed25519', 'sign', '5d']]],
    [
      'that has expired, and not its subkey',
      services,
      'expired',
      extended,
      [
        ['rsa2048', 'sign', '5d'],
        ['rsa2048', 'sign'],
      ],
    ],
    [
      'whose subkey has expired',
      services,
      'expired',
      subkeyAdded,
      [
        ['rsa2048', 'cert'],
        ['rsa2048', 'sign', '5d'],
      ],
    ],
    [
      'that has expired with its subkey',
      services,
      'expired',
      /2y` and `gpg --batch --passphrase '' --quick-add-key/,
      [
        ['rsa2048', 'cert', '5d'],
        ['rsa2048', 'sign', '4d'],
      ],
    ],
  ])('and %s is refused with the command after which it can', async (name, refusedBy, code, say, made) => {
    const key = make(name, ...made);
    const errors = await Promise.all(refusedBy.map((by) => refusal(key, by)));
    for (const error of errors) {
      expect(error).toMatchObject({ name: 'KeyError', code, message: expect.stringMatching(say) });
      expect(error.message).not.toContain('\n');
    }
    followed(errors[0]);
    for (const by of refusedBy) expect(await signingPart(key, by)).toMatch(/^[0-9a-f]{40}$/);
  });

  it.each<[string, readonly OpenPgpService[], RegExp, [Made, ...Made[]]]>([
    ['that is ECDSA', services, /\.asc: key algorithm 19: .*; in the vault/, [['nistp256', 'sign']]],
    ['that is DSA', services, /\.asc: DSA keys .*; in the vault/, [['dsa1024', 'sign']]],
    ['that is Ed25519', ['qubes.Gpg2'], /signs with a subkey alone.*; in the vault/, [['ed25519', 'sign']]],
    [
      'that is Ed25519, for all its RSA subkey',
      ['qubes.Gpg2'],
      /signs with a subkey alone.*; in the vault/,
      [
        ['ed25519', 'cert'],
        ['rsa2048', 'sign'],
      ],
    ],
    ['that is RSA of 1024 bits', services, /less than 2048 bits; in the vault/, [['rsa1024', 'sign']]],
    [
      'that is RSA of 1024 bits, for all its longer subkey',
      services,
      /less than 2048 bits; in the vault/,
      [
        ['rsa1024', 'cert'],
        ['rsa2048', 'sign'],
      ],
    ],
  ])('and %s is refused with the command that makes another', async (name, refusedBy, say, made) => {
    const key = make(`${name} at all`, ...made);
    for (const by of refusedBy) {
      const error = await use(key, by).catch((one: Error) => one);
      expect(error).toMatchObject({
        name: 'KeyError',
        code: 'unusable',
        message: expect.stringMatching(say),
      });
      expect((error as Error).message).toMatch(/in the vault, `rebuilder-keys make NAME` makes one/);
    }
  });

  it('is replaced by the one that the command makes', async () => {
    const key = make('Replaced', ['ed25519', 'sign']);
    const made = followed(await refusal(key, 'qubes.Gpg2'));
    const folder = mkdtempSync(join(dir, 'made-'));
    writeFileSync(join(folder, 'made.asc'), made);
    const [fingerprint = ''] = made.split('\n');
    const keys = await readPublicKeys(folder);
    for (const by of services) {
      const asked = { name: 'key', fingerprint: parseFingerprint(fingerprint), folder, by, now };
      expect(usableKey(keys, asked).fingerprint).toBe(fingerprint);
    }
  });

  it('and is revoked is refused with what becomes of its links', async () => {
    const key = make('Revoked', ['rsa2048', 'cert'], ['rsa2048', 'sign']);
    gnupg.revoke(key);
    for (const by of services) {
      await expect(use(key, by)).rejects.toMatchObject({
        code: 'revoked',
        message: expect.stringContaining(`take it out, then \`rebuilderctl resign --signed-by ${key}\``),
      });
    }
  });
});
