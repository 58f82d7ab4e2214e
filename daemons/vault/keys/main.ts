import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { signKinds } from '../../lib/contracts/sign.ts';
import { findUsers } from '../../lib/daemon/users.ts';
import { parseFingerprint } from '../../lib/domain/names.ts';
import { type Ed25519Public, ed25519Pem, rebuilderdPem } from '../../lib/evidence/ed25519.ts';
import { armorPublicKey } from '../../lib/openpgp/armor.ts';
import { exportPublicKey, makeSigningKey } from '../../lib/openpgp/gpg.ts';
import { openSigningKey } from '../sign/keys.ts';

const usage = `usage: rebuilder-keys make USER-ID [--bits 3072] [--expires never] [--home DIR]
       rebuilder-keys export FINGERPRINT [--home DIR]
       rebuilder-keys list
       rebuilder-keys public KIND [--form openssl|rebuilderd]
Makes an RSA signing key without a passphrase in $STATE_DIRECTORY/gnupg, or exports one: its fingerprint on the first
line, then the armoured public key, which belongs into keys/ of the attester's state folder. --home names another GnuPG
home: on Qubes OS split-GPG signs with the keys of the vault's ordinary user, ~/.gnupg.
Lists the Ed25519 keys of rebuilder.Sign, made if they are not there: KIND KEYID PUBLIC-KEY, a line each; or shows the
public half of one (reproducible, unreproducible, manifest) as PEM, in the form that OpenSSL reads or in the one that
rebuilderd's clients read.
`;

const minBits = 3_072;
const maxBits = 8_192;

const forms: Readonly<Record<string, (key: Ed25519Public) => string>> = {
  openssl: ed25519Pem,
  rebuilderd: rebuilderdPem,
};

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) return void process.stdout.write(usage);
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      bits: { type: 'string', default: '3072' },
      expires: { type: 'string', default: 'never' },
      form: { type: 'string', default: 'openssl' },
      home: { type: 'string' },
    },
  });
  const [verb, subject, ...more] = positionals;
  const state = process.env.STATE_DIRECTORY ?? '/var/lib/package-rebuilder/vault';
  const home = values.home ?? join(state, 'gnupg');
  const ofStatements = verb === 'list' || verb === 'public';
  await expectOwn(ofStatements ? state : home);
  if (verb === 'list' && subject === undefined) return await list(state);
  if (subject === undefined || more.length > 0) throw new Error(usage);
  if (verb === 'public') return await showPublic(state, subject, values.form);
  await mkdir(home, { recursive: true, mode: 0o700 });
  if (verb === 'make') await show(await make(subject, home, values), home);
  else if (verb === 'export') await show(subject, home);
  else throw new Error(usage);
}

/** What another user, root too, put there could not be read by whoever signs with it. */
async function expectOwn(folder: string): Promise<void> {
  const owner = (await stat(folder).catch(() => undefined))?.uid;
  if (owner === undefined || owner === process.getuid?.()) return;
  const [user] = await findUsers([String(owner)]);
  const name = user?.name ?? String(owner);
  throw new Error(
    `${folder} belongs to ${name}: run this as ${name}, such as by runuser -u ${name} -- rebuilder-keys …`,
  );
}

async function make(
  userId: string,
  home: string,
  asked: Readonly<{ bits: string; expires: string }>,
): Promise<string> {
  const bits = Number(asked.bits);
  if (!Number.isInteger(bits) || bits < minBits || bits > maxBits) {
    throw new Error(`--bits: found ${asked.bits}, expected a number from ${minBits} to ${maxBits}`);
  }
  return await makeSigningKey({ userId, bits, expires: asked.expires }, { home });
}

async function list(state: string): Promise<void> {
  for (const kind of signKinds) {
    const key = await openSigningKey(state, kind);
    process.stdout.write(`${kind} ${key.keyid} ${key.public}\n`);
  }
}

async function showPublic(state: string, name: string, formName: string): Promise<void> {
  const kind = signKinds.find((one) => one === name);
  if (kind === undefined) throw new Error(`found ${name}, expected one of ${signKinds.join(', ')}`);
  const form = Object.hasOwn(forms, formName) ? forms[formName] : undefined;
  if (form === undefined) {
    throw new Error(`--form: found ${formName}, expected ${Object.keys(forms).join(' or ')}`);
  }
  process.stdout.write(form((await openSigningKey(state, kind)).public));
}

async function show(name: string, home: string): Promise<void> {
  const fingerprint = parseFingerprint(name);
  const key = await exportPublicKey(fingerprint, { home });
  process.stdout.write(`${fingerprint}\n${armorPublicKey(key)}`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`rebuilder-keys: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
