import { z } from 'zod';
import { defineContract } from './contract.ts';
import { maxExpected } from './documents/recipe.ts';
import { objects, size, version1 } from './fields.ts';

/**
 * `rebuilder.Build+deb|rpm`, answered in a disposable. Request objects: 0 the Recipe document, then its inputs in the
 * order the recipe lists them. Reply objects: 0 the log, as it is written; 1 the BuilderReport document; then, for a
 * build, one object for each file of `recipe.expect`, in its order (empty when the build did not make it), and for a
 * recipe of kind `base` one, the base tarball.
 */

export const maxBuildInputs = 20_000;
/** Log, report, files. */
export const maxBuildOutputs = maxExpected + 2;

const request = z.strictObject({
  v: version1.default(1),
  limits: z.strictObject({
    wallSeconds: z
      .int()
      .min(1)
      .max(30 * 86_400),
    memoryMiB: z
      .int()
      .min(64)
      .max(2 ** 30),
    processes: z
      .int()
      .min(16)
      .max(10 ** 6),
    logBytes: size,
    outputBytes: size,
  }),
  objects: objects(maxBuildInputs + 1),
});
export type BuildRequest = z.infer<typeof request>;
export type BuildLimits = BuildRequest['limits'];

const reply = z.strictObject({ v: version1, ok: z.literal(true), objects: objects(maxBuildOutputs) });
export type BuildReply = z.infer<typeof reply>;

export const build = defineContract({
  service: 'rebuilder.Build',
  door: 'disposable',
  kind: 'executable',
  allowed: { deb: ['rebuilder'], rpm: ['rebuilder'] },
  maxRequestObjects: maxBuildInputs + 1,
  maxReplyObjects: maxBuildOutputs,
  maxObjectBytes: 2 ** 36,
  request: () => request,
  reply: () => reply,
});
