import { readFile, stat } from 'node:fs/promises';
import type { LayoutKey } from '../lib/domain/layout.ts';
import { partsOf } from '../lib/domain/layout-key.ts';
import { maxMetablockBytes } from '../lib/domain/metablock.ts';
import { NameError, parseFingerprint } from '../lib/domain/names.ts';
import { OpenPgpError } from '../lib/openpgp/error.ts';
import { exportPublicKey } from '../lib/openpgp/gpg.ts';
import { readPublicKey } from '../lib/openpgp/public-key.ts';
import { codes, fieldOf, type Message } from './apt/message.ts';
import type { Settings } from './settings.ts';

/** What packages are judged by: read once, while the method may still read what only root may. */
export type Trust = Readonly<{ layout: string; ownerKeys: readonly LayoutKey[] }>;

/** The configuration does not lead to a layout and its owners' keys. */
export class TrustError extends Error {
  override readonly name = 'TrustError';
}

const gpgTimeoutMs = 20_000;

/** @throws TrustError that names the option at fault */
export async function readTrust(
  settings: Pick<Settings, 'layout' | 'keyids' | 'gpgHomedir'>,
): Promise<Trust> {
  const { layout: file, keyids } = settings;
  if (file === undefined) {
    throw new TrustError('APT::Intoto::Layout is not set: which layout says whose rebuilds to believe?');
  }
  if (keyids.length === 0) {
    throw new TrustError('APT::Intoto::Keyids is not set: whose signature must the layout have?');
  }
  const layout = await readLayout(file);
  const ownerKeys: LayoutKey[] = [];
  // One after the other: gpg locks a home that it has to set up.
  for (const keyid of keyids) ownerKeys.push(await readOwnerKey(keyid, settings.gpgHomedir));
  return { layout, ownerKeys };
}

async function readLayout(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > maxMetablockBytes) throw new TrustError(`has more than ${maxMetablockBytes} bytes`);
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new TrustError(`APT::Intoto::Layout ${file}: ${explained(cause)}`, { cause });
  }
}

function explained(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file';
  return code === 'EACCES' ? 'it may not be read' : message;
}

async function readOwnerKey(keyid: string, home: string | undefined): Promise<LayoutKey> {
  const where = home === undefined ? "gpg's key ring" : `APT::Intoto::GPGHomedir ${home}`;
  try {
    const fingerprint = parseFingerprint(keyid.replace(/^0x/i, '').replaceAll(' ', ''));
    const key = readPublicKey(await exportPublicKey(fingerprint, { home, timeoutMs: gpgTimeoutMs }));
    if (partsOf(key).some((part) => part.keyid === fingerprint.toLowerCase())) return key;
    throw new TrustError(`in-toto cannot use that part of key ${key.keyid.toUpperCase()}`);
  } catch (cause) {
    if (cause instanceof NameError) {
      const say = `expected a full fingerprint, 40 digits; gpg --fingerprint ${keyid} shows it`;
      throw new TrustError(`APT::Intoto::Keyids "${keyid}": ${say}`, { cause });
    }
    if (!(cause instanceof TrustError || cause instanceof OpenPgpError)) throw cause;
    throw new TrustError(`APT::Intoto::Keyids ${keyid}, in ${where}: ${cause.message}`, { cause });
  }
}

/** As the method sends it to the part that judges. */
export function formatTrust({ layout, ownerKeys }: Trust): Buffer {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return Buffer.from(
    `${codes.trust} Trust\nLayout: ${base64(layout)}\nKeys: ${base64(JSON.stringify(ownerKeys))}\n\n`,
  );
}

export function parseTrust(message: Message): Trust {
  const text = (name: string) => Buffer.from(fieldOf(message, name) ?? '', 'base64').toString('utf8');
  return { layout: text('Layout'), ownerKeys: JSON.parse(text('Keys')) as LayoutKey[] };
}
