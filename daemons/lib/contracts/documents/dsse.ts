/** Dead Simple Signing Envelope (facts: in-toto §9; secure-systems-lab/dsse, protocol.md). */

/** The payload type of each kind of document that is signed in an envelope. */
export const payloadTypes = {
  statement: 'application/vnd.in-toto+json',
  manifest: 'application/vnd.package-rebuilder.manifest+json',
} as const;

/** What a signature in an envelope covers: `DSSEv1 LEN TYPE LEN BODY`, lengths in bytes. */
export function preAuthEncoding(payloadType: string, body: Uint8Array): Uint8Array {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${body.length} `), body]);
}
