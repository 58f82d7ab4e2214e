import { z } from 'zod';
import { defineContract } from './contract.ts';
import { objects, version1 } from './fields.ts';

/** `rebuilder.Sign+KIND`, our own vault service: object 0 is the document; the reply holds its Ed25519 signature. */

export const signKinds = ['reproducible', 'unreproducible', 'manifest'] as const;
export type SignKind = (typeof signKinds)[number];
export const maxSignedBytes = 16 * 1_048_576;

const request = z.strictObject({ v: version1.default(1), objects: objects(1) });
const reply = z.strictObject({
  v: version1,
  ok: z.literal(true),
  keyid: z.string().regex(/^[0-9a-f]{64}$/),
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});
export type SignRequest = z.infer<typeof request>;
export type SignReply = z.infer<typeof reply>;

export const sign = defineContract({
  service: 'rebuilder.Sign',
  door: 'vault',
  kind: 'socket',
  allowed: { reproducible: ['attester'], unreproducible: ['attester'], manifest: ['attester'] },
  maxRequestObjects: 1,
  maxReplyObjects: 0,
  maxObjectBytes: maxSignedBytes,
  request: (_kind: SignKind) => request,
  reply: () => reply,
});
