import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/**
 * Whether a request was made by who knows the hook's secret: HMAC-SHA256 over the very bytes of its body.
 *
 * - `github`: `X-Hub-Signature-256: sha256=HEX` (docs.github.com, "Validating webhook deliveries").
 * - `gitea`: `X-Gitea-Signature: HEX`, or `X-Forgejo-Signature` (docs.gitea.com, "Webhooks").
 * - `gitlab`: its signing token, as Standard Webhooks 1.0 has it: `webhook-id`, `webhook-timestamp`, `webhook-signature:
 *   v1,BASE64 …`, over `ID.TIMESTAMP.BODY`. Not `X-Gitlab-Token`, which is the secret itself.
 * - `plain`: `X-Rebuilder-Timestamp: UNIX`, `X-Rebuilder-Signature: sha256=HEX`, over `TIMESTAMP.BODY`: for scripts.
 */
export const styles = ['github', 'gitea', 'gitlab', 'plain'] as const;
export type Style = (typeof styles)[number];

export type SignatureFault = 'unsigned' | 'wrong-signature' | 'too-old';

/** How far a request's time may be from ours: what Standard Webhooks advises. */
export const toleranceMs = 300_000;

const maxSignatures = 10;

/**
 * Judges a request at wall time `now`, in milliseconds.
 *
 * @returns what to know it again by, or what is wrong
 */
export function judgeSignature(
  hook: Readonly<{ style: Style; secret: string }>,
  headers: IncomingHttpHeaders,
  body: Buffer,
  now: number,
): Readonly<{ mark: string }> | Readonly<{ fault: SignatureFault }> {
  const claim = claims[hook.style](headers, hook.secret);
  if (claim === undefined) return { fault: 'unsigned' };
  const right = createHmac('sha256', claim.key).update(claim.before).update(body).digest();
  if (!claim.signatures.slice(0, maxSignatures).some((one) => isEqual(one, right)))
    return { fault: 'wrong-signature' };
  if (claim.seconds !== undefined && Math.abs(now - claim.seconds * 1_000) > toleranceMs)
    return { fault: 'too-old' };
  return { mark: right.toString('base64') };
}

interface Claim {
  readonly signatures: readonly Buffer[];
  readonly key: Buffer;
  /** What is signed before the body. */
  readonly before: string;
  /** When it was made, since 1970, where that is signed. */
  readonly seconds?: number;
}

const claims: Readonly<Record<Style, (headers: IncomingHttpHeaders, secret: string) => Claim | undefined>> = {
  github: (headers, secret) =>
    ofBody(/^sha256=([0-9a-f]{64})$/i.exec(one(headers, 'x-hub-signature-256'))?.[1], secret),
  gitea: (headers, secret) =>
    ofBody(
      /^([0-9a-f]{64})$/i.exec(one(headers, 'x-forgejo-signature') || one(headers, 'x-gitea-signature'))?.[1],
      secret,
    ),
  gitlab(headers, secret) {
    const id = one(headers, 'webhook-id');
    const time = one(headers, 'webhook-timestamp');
    if (!/^[\x21-\x7e]{1,255}$/.test(id) || !/^\d{1,12}$/.test(time)) return undefined;
    const signatures = [
      ...one(headers, 'webhook-signature').matchAll(/(?:^| )v1,([A-Za-z0-9+/]{43}=)(?= |$)/g),
    ].map(([, base64 = '']) => Buffer.from(base64, 'base64'));
    const key = Buffer.from(secret.replace(/^whsec_/, ''), secret.startsWith('whsec_') ? 'base64' : 'utf8');
    return signatures.length === 0
      ? undefined
      : { signatures, key, before: `${id}.${time}.`, seconds: Number(time) };
  },
  plain(headers, secret) {
    const time = one(headers, 'x-rebuilder-timestamp');
    const [, hex] = /^sha256=([0-9a-f]{64})$/i.exec(one(headers, 'x-rebuilder-signature')) ?? [];
    const claim = ofBody(hex, secret);
    return claim === undefined || !/^\d{1,12}$/.test(time)
      ? undefined
      : { ...claim, before: `${time}.`, seconds: Number(time) };
  },
};

function ofBody(hex: string | undefined, secret: string): Claim | undefined {
  if (hex === undefined) return undefined;
  return { signatures: [Buffer.from(hex, 'hex')], key: Buffer.from(secret), before: '' };
}

function one(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}

function isEqual(untrusted: Buffer, right: Buffer): boolean {
  return untrusted.length === right.length && timingSafeEqual(untrusted, right);
}
