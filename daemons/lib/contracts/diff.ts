import { z } from 'zod';
import { defineContract } from './contract.ts';
import { objects, version1 } from './fields.ts';

/** `rebuilder.Diff`, answered in a disposable: object 0 the official file, 1 the rebuilt; the reply's object 0 is diffoscope's text. */

const request = z.strictObject({
  v: version1.default(1),
  wallSeconds: z.int().min(1).max(86_400),
  outputBytes: z
    .int()
    .min(1)
    .max(2 ** 30),
  objects: objects(2),
});
const reply = z.strictObject({ v: version1, ok: z.literal(true), objects: objects(3) });
export type DiffRequest = z.infer<typeof request>;
export type DiffReply = z.infer<typeof reply>;

export const diff = defineContract({
  service: 'rebuilder.Diff',
  door: 'disposable',
  kind: 'executable',
  allowed: { '': ['rebuilder'] },
  maxRequestObjects: 2,
  maxReplyObjects: 3,
  maxObjectBytes: 2 ** 36,
  request: () => request,
  reply: () => reply,
});
