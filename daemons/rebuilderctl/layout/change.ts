import { isSame, type Json } from '../../lib/domain/canonical-json.ts';
import {
  type Layout,
  LayoutError,
  type LayoutKey,
  refuseCollisions,
  type Step,
} from '../../lib/domain/layout.ts';
import { partsOf } from '../../lib/domain/layout-key.ts';

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

/**
 * A layout that no longer believes these keys, nor any part of them, and asks for `threshold` of the others.
 *
 * @throws LayoutError when it does not hold one of them, or when no package could satisfy it any more
 */
export function removeKeys(layout: Layout, keyids: readonly string[], threshold?: number): Layout {
  const gone = new Set(keyids.flatMap((keyid) => partsInLayout(layout, keyid)));
  return {
    ...layout,
    keys: Object.fromEntries(Object.entries(layout.keys).filter(([keyid]) => !gone.has(keyid))),
    steps: layout.steps.map((step) => {
      const pubkeys = step.pubkeys.filter((keyid) => !gone.has(keyid));
      const wanted = step.name === rebuildStep ? (threshold ?? step.threshold) : step.threshold;
      if (wanted >= 1 && wanted <= pubkeys.length) return { ...step, pubkeys, threshold: wanted };
      const say = `step ${step.name} asks for ${wanted} rebuilders, and would have ${pubkeys.length}: lower it (--threshold), or add others first`;
      throw new LayoutError('threshold', say);
    }),
  };
}

function partsInLayout(layout: Layout, keyid: string): readonly string[] {
  const key = Object.hasOwn(layout.keys, keyid) ? layout.keys[keyid] : undefined;
  if (key !== undefined) return partsOf(key).map((part) => String(part.keyid));
  const holder = Object.entries(layout.keys).find(([, other]) =>
    partsOf(other).some((part) => part.keyid === keyid),
  );
  const hint =
    holder === undefined ? '' : `: it is a subkey of ${holder[0].toUpperCase()}, which can be removed`;
  throw new LayoutError('no-keys', `it holds no key ${keyid.toUpperCase()}${hint}`);
}

function changeOf(layout: Layout, step: Step, key: LayoutKey): KeyChange {
  const copy = Object.hasOwn(layout.keys, key.keyid) ? layout.keys[key.keyid] : undefined;
  if (copy === undefined || !step.pubkeys.includes(key.keyid)) return 'added';
  return isSame(copy as Json, key as unknown as Json) ? 'unchanged' : 'renewed';
}
