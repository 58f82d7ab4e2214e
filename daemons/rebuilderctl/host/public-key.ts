import { createHash } from 'node:crypto';
import { CommandError } from '../errors.ts';

/** An Ed25519 public key of ssh, without its comment: RFC 4253, 6.6 and RFC 8709, 4. */
export interface PublicKey {
  /** `ssh-ed25519` and the base64 text. */
  readonly text: string;
  /** As ssh shows it: `SHA256:` and base64 without its padding. */
  readonly fingerprint: string;
}

const ed25519 = /^ssh-ed25519 (AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{43})(?: .{0,200})?$/;

/** Throws a `CommandError`. */
export function parsePublicKey(untrusted: string): PublicKey {
  const base64 = ed25519.exec(untrusted.trim())?.[1];
  if (base64 === undefined) {
    const found = JSON.stringify(untrusted.slice(0, 40));
    throw new CommandError(`expected an Ed25519 public key (ssh-ed25519 AAAA…), found ${found}`);
  }
  return { text: `ssh-ed25519 ${base64}`, fingerprint: fingerprintOf(base64) };
}

/** Of any key of ssh, by its base64 text. */
export function fingerprintOf(base64: string): string {
  const hash = createHash('sha256').update(Buffer.from(base64, 'base64')).digest('base64');
  return `SHA256:${hash.replace(/=+$/, '')}`;
}
