import { canonicalJson, type Json } from '../../lib/domain/canonical-json.ts';
import {
  type Layout,
  LayoutError,
  type LayoutKey,
  refuseCollisions,
  type Step,
} from '../../lib/domain/layout.ts';

/** The step whose links rebuilders sign. */
const rebuildStep = 'rebuild';

export type KeyChange = 'added' | 'renewed' | 'unchanged';

/**
 * A layout that believes these rebuilders, too, each in the form that its key has today, and asks for `threshold` of them.
 *
 * @throws LayoutError when no package could satisfy it, or when it has no step of rebuilders
 */
export function addKeys(
  layout: Layout,
  keys: readonly LayoutKey[],
  threshold?: number,
): { layout: Layout; changes: readonly KeyChange[] } {
  const step = layout.steps.find(({ name }) => name === rebuildStep);
  if (step === undefined) throw new LayoutError('no-step', `it has no step ${rebuildStep}`);
  const pubkeys = [...new Set([...step.pubkeys, ...keys.map(({ keyid }) => keyid)])];
  const wanted = threshold ?? step.threshold;
  if (wanted < 1 || wanted > pubkeys.length) {
    throw new LayoutError('threshold', `threshold ${wanted}: expected a number from 1 to ${pubkeys.length}`);
  }
  const all = { ...layout.keys, ...Object.fromEntries(keys.map((key) => [key.keyid, key])) };
  refuseCollisions(Object.values(all));
  const changed: Step = { ...step, pubkeys, threshold: wanted };
  return {
    layout: {
      ...layout,
      keys: all,
      steps: layout.steps.map((one) => (one === step ? changed : one)),
    },
    changes: keys.map((key) => changeOf(layout, step, key)),
  };
}

function changeOf(layout: Layout, step: Step, key: LayoutKey): KeyChange {
  const copy = Object.hasOwn(layout.keys, key.keyid) ? layout.keys[key.keyid] : undefined;
  if (copy === undefined || !step.pubkeys.includes(key.keyid)) return 'added';
  return isSame(copy as Json, key as unknown as Json) ? 'unchanged' : 'renewed';
}

/** Whether two documents would be signed alike. */
export function isSame(one: Json, other: Json): boolean {
  return canonicalJson(one) === canonicalJson(other);
}
