import { z } from 'zod';
import { parseWith } from '../contract.ts';
import { malformed, readObject } from './canonical.ts';
import { maxStatementBytes } from './statement.ts';

/** Dead Simple Signing Envelope (facts: in-toto §9; secure-systems-lab/dsse, protocol.md). */

/** The payload type of each kind of document that is signed in an envelope. */
export const payloadTypes = {
  statement: 'application/vnd.in-toto+json',
  manifest: 'application/vnd.package-rebuilder.manifest+json',
} as const;

export type EnvelopeSignature = Readonly<{
  keyid: string;
  /** In hexadecimal. */
  signature: string;
}>;

/** An envelope with one signature, on one line: a bundle of in-toto's is such lines (in-toto/attestation, spec/v1/bundle.md). */
export function formatEnvelope(payloadType: string, body: Uint8Array, by: EnvelopeSignature): string {
  const sig = Buffer.from(by.signature, 'hex').toString('base64');
  const envelope = {
    payload: Buffer.from(body).toString('base64'),
    payloadType,
    signatures: [{ keyid: by.keyid, sig }],
  };
  return `${JSON.stringify(envelope)}\n`;
}

/** A third more than what is inside, and the signatures. */
export const maxEnvelopeBytes = Math.ceil(maxStatementBytes * (4 / 3)) + 65_536;
const maxSignatures = 20;

const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/, 'not base64');
const envelope = z.object({
  payload: base64,
  payloadType: z.string().max(200),
  signatures: z
    .array(z.object({ keyid: z.string().max(200).default(''), sig: base64.max(200) }))
    .min(1)
    .max(maxSignatures),
});

export type Envelope = Readonly<{
  payload: Uint8Array;
  payloadType: string;
  signatures: readonly EnvelopeSignature[];
}>;

/** The envelope on the first line, whatever else it holds; nothing of it is signed but the payload and its type. */
export function readEnvelope(untrusted: Buffer): Envelope {
  const end = untrusted.indexOf(0x0a);
  const line = end < 0 ? untrusted : untrusted.subarray(0, end);
  const read = parseWith(envelope, readObject(line, maxEnvelopeBytes, 'envelope'), 'envelope');
  const payload = Buffer.from(read.payload, 'base64');
  if (payload.length > maxStatementBytes)
    throw malformed('envelope', `payload: larger than ${maxStatementBytes} bytes`);
  return {
    payload,
    payloadType: read.payloadType,
    signatures: read.signatures.map(({ keyid, sig }) => ({
      keyid,
      signature: Buffer.from(sig, 'base64').toString('hex'),
    })),
  };
}

/** What a signature in an envelope covers: `DSSEv1 LEN TYPE LEN BODY`, lengths in bytes. */
export function preAuthEncoding(payloadType: string, body: Uint8Array): Uint8Array {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${body.length} `), body]);
}
