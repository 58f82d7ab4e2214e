import { createHmac } from 'node:crypto';
import type { Style } from '../../daemons/webhook/signature.ts';

/** The headers with which a forge, or a script, sends this body: see signature.ts for each one's source. */
export function signedHeaders(
  { style, secret }: Readonly<{ style: Style; secret: string }>,
  body: Buffer,
  nowMs: number,
): Record<string, string> {
  const key =
    style === 'gitlab' && secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : secret;
  const seconds = String(Math.floor(nowMs / 1_000));
  const sign = (before: string) => createHmac('sha256', key).update(before).update(body);
  switch (style) {
    case 'github':
      return { 'x-hub-signature-256': `sha256=${sign('').digest('hex')}` };
    case 'gitea':
      return { 'x-gitea-signature': sign('').digest('hex') };
    case 'gitlab':
      return {
        'webhook-id': 'msg_1',
        'webhook-timestamp': seconds,
        'webhook-signature': `v1,${sign(`msg_1.${seconds}.`).digest('base64')}`,
      };
    case 'plain':
      return {
        'x-rebuilder-timestamp': seconds,
        'x-rebuilder-signature': `sha256=${sign(`${seconds}.`).digest('hex')}`,
      };
  }
}
