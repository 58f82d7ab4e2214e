import { z } from 'zod';
import { defineContract } from './contract.ts';
import { jobId, objects, version1 } from './fields.ts';

/**
 * `rebuilder.Sign+KIND`, our own vault service: each object is a document; the reply holds their Ed25519 signatures, in
 * that order, all or none. A build has one document and one more for each file, and each call costs dom0 work.
 */

export const signKinds = ['reproducible', 'unreproducible', 'manifest'] as const;
export type SignKind = (typeof signKinds)[number];
export const maxSignedBytes = 16 * 1_048_576;
/** Documents of one call, which together are no larger than one may be. */
export const maxSignedDocuments = 64;

const request = z.strictObject({
  v: version1.default(1),
  /** What it is for: told to the vault's journal, and nothing rests on it. */
  job: jobId.optional(),
  objects: objects(maxSignedDocuments),
});
const reply = z.strictObject({
  v: version1,
  ok: z.literal(true),
  keyid: z.string().regex(/^[0-9a-f]{64}$/),
  signatures: z
    .array(z.string().regex(/^[0-9a-f]{128}$/))
    .min(1)
    .max(maxSignedDocuments),
});
export type SignRequest = z.infer<typeof request>;
export type SignReply = z.infer<typeof reply>;

export const sign = defineContract({
  service: 'rebuilder.Sign',
  door: 'vault',
  kind: 'socket',
  allowed: { reproducible: ['attester'], unreproducible: ['attester'], manifest: ['attester'] },
  maxRequestObjects: maxSignedDocuments,
  maxReplyObjects: 0,
  maxObjectBytes: maxSignedBytes,
  request: (_kind: SignKind) => request,
  reply: () => reply,
});
