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

/** What a signature in an envelope covers: `DSSEv1 LEN TYPE LEN BODY`, lengths in bytes. */
export function preAuthEncoding(payloadType: string, body: Uint8Array): Uint8Array {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${body.length} `), body]);
}
