import type { Context } from '../context.ts';
import { CommandError } from '../errors.ts';
import { escapeLog } from '../terminal.ts';
import { carryOut, saveAside } from './carry-out.ts';
import { describeChange } from './diff.ts';
import { isDone, type Plan } from './plan.ts';
import type { Root } from './root.ts';

export interface CarryOutOptions {
  readonly apply: boolean;
  readonly force: boolean;
  readonly json: boolean;
}

/** What programs are told of a plan: each file with its unified diff, and where what was overwritten is kept. */
export interface Delivered {
  readonly applied: boolean;
  readonly changes: readonly Readonly<{ path: string; diff: string }>[];
  readonly folders: readonly string[];
  readonly kept: readonly string[];
}

/**
 * Shows a plan as the difference that it makes and, when told to, does it. Without a plan, or with nothing in it, there is
 * nothing to do.
 *
 * @throws CommandError when it may not be done, or could not be
 */
export async function deliverPlan(
  { terminal }: Pick<Context, 'terminal'>,
  root: Root,
  plan: Plan | undefined,
  { apply, force, json }: CarryOutOptions,
): Promise<Delivered> {
  if (plan === undefined || isDone(plan)) {
    if (!json) terminal.note('nothing to do');
    return { applied: false, changes: [], folders: [], kept: [] };
  }
  const changes = await Promise.all(
    plan.changes.map(async ({ path, before, after }) => ({
      path,
      diff: await describeChange(path, before, after),
    })),
  );
  if (!json) for (const { diff } of changes) terminal.print(escapeLog(diff));
  if (!force) refuseTouched(root, plan);
  if (!apply) {
    if (!json) terminal.note('nothing was changed: --apply does it');
    return { applied: false, changes, folders: plan.folders, kept: [] };
  }
  if (root.isThisMachine && process.getuid?.() !== 0) {
    throw new CommandError(
      'only root may set up this machine: nothing was changed',
      'The same with sudo; without --apply it is only shown; --root DIR sets up an image.',
    );
  }
  const kept = await Promise.all(plan.touched.map((change) => saveAside(root, change)));
  await carryOut(root, plan);
  const saved = kept.filter((path) => path !== undefined);
  if (!json) for (const path of saved) terminal.note(`kept: ${root.shown(path)}`);
  return { applied: true, changes, folders: plan.folders, kept: saved };
}

function refuseTouched(root: Root, { touched }: Plan): void {
  if (touched.length === 0) return;
  const files = touched.map(({ path }) => root.shown(path)).join(', ');
  throw new CommandError(
    `changed since by somebody else: ${files}: nothing was changed`,
    'Take those changes back, or overwrite them: --force keeps each file as FILE.save.',
  );
}
