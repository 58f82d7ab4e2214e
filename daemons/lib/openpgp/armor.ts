import { OpenPgpError } from './error.ts';

/** ASCII armour: RFC 4880 section 6. */

export const maxArmored = 8 * 1_048_576;

const lineLength = 64;

/** Bytes of a key file, armoured or not. Only the first block of an armoured file is read. */
export function dearmor(file: Buffer): Buffer {
  if (file.length > maxArmored) throw new OpenPgpError('too-large', `larger than ${maxArmored} bytes`);
  if (file.length > 0 && (file.readUInt8() & 0x80) !== 0) return file;
  const lines = firstBlock(file.toString('latin1')).split(/\r?\n/);
  const blank = lines.findIndex((line) => line.trim() === '');
  if (blank < 0) throw notArmour();
  const body = lines.slice(blank + 1).filter((line) => line !== '');
  const checksum = body.at(-1)?.startsWith('=') ? body.pop() : undefined;
  const text = body.join('');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw new OpenPgpError('malformed', 'armour that is not base64');
  const bytes = Buffer.from(text, 'base64');
  if (checksum !== undefined && checksum.trim() !== checksumLine(bytes)) {
    throw new OpenPgpError('malformed', 'armour whose checksum does not match');
  }
  return bytes;
}

/** What stands between the first beginning and the end that follows it. */
function firstBlock(text: string): string {
  const begin = /-----BEGIN PGP [A-Z ]+-----\r?\n/.exec(text);
  if (begin === null) throw notArmour();
  const inside = text.slice(begin.index + begin[0].length);
  const end = /-----END PGP [A-Z ]+-----/.exec(inside);
  if (end === null) throw notArmour();
  return inside.slice(0, end.index);
}

function notArmour(): OpenPgpError {
  return new OpenPgpError('malformed', 'neither OpenPGP packets nor their armour');
}

/** A public key as people exchange it. */
export function armorPublicKey(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? [];
  const name = 'PGP PUBLIC KEY BLOCK';
  return `-----BEGIN ${name}-----\n\n${lines.join('\n')}\n${checksumLine(bytes)}\n-----END ${name}-----\n`;
}

function checksumLine(bytes: Buffer): string {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit++) {
      crc <<= 1;
      if ((crc & 0x1000000) !== 0) crc ^= 0x1864cfb;
    }
  }
  const octets = Buffer.from([(crc >> 16) & 0xff, (crc >> 8) & 0xff, crc & 0xff]);
  return `=${octets.toString('base64')}`;
}
