import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseFingerprint } from '../../lib/domain/names.ts';
import { armorPublicKey } from '../../lib/openpgp/armor.ts';
import { exportPublicKey, makeSigningKey } from '../../lib/openpgp/gpg.ts';

const usage = `usage: vault-keys make USER-ID [--bits 3072] [--expires never]
       vault-keys export FINGERPRINT
Makes an RSA signing key without a passphrase in $STATE_DIRECTORY/gnupg, or exports one: its fingerprint on the first
line, then the armoured public key, which belongs into keys/ of the attester's state folder.
`;

const minBits = 3_072;
const maxBits = 8_192;

async function main(args: readonly string[]): Promise<void> {
  const { positionals, values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { bits: { type: 'string', default: '3072' }, expires: { type: 'string', default: 'never' } },
  });
  const [verb, subject, ...more] = positionals;
  const home = join(process.env.STATE_DIRECTORY ?? '/var/lib/package-rebuilder/vault', 'gnupg');
  if (subject === undefined || more.length > 0) throw new Error(usage);
  await mkdir(home, { recursive: true, mode: 0o700 });
  if (verb === 'make') {
    const bits = Number(values.bits);
    if (!Number.isInteger(bits) || bits < minBits || bits > maxBits) {
      throw new Error(`--bits: found ${values.bits}, expected a number from ${minBits} to ${maxBits}`);
    }
    const fingerprint = await makeSigningKey({ userId: subject, bits, expires: values.expires }, { home });
    await show(fingerprint, home);
  } else if (verb === 'export') await show(subject, home);
  else throw new Error(usage);
}

async function show(name: string, home: string): Promise<void> {
  const fingerprint = parseFingerprint(name);
  const key = await exportPublicKey(fingerprint, { home });
  process.stdout.write(`${fingerprint}\n${armorPublicKey(key)}`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`vault-keys: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
