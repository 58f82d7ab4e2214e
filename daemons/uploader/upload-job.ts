import type { PublicationEntry } from '../lib/contracts/documents/publication.ts';
import { maxPublicationLine, parsePublicationEntry } from '../lib/contracts/documents/publication.ts';
import { maxInputBytes } from '../lib/contracts/fetch.ts';
import { JobFailure } from '../lib/contracts/job-failure.ts';
import { readJsonLines } from '../lib/contracts/json-lines.ts';
import { type Project, projects } from '../lib/domain/dist.ts';
import type { PublicationPath, Sha256 } from '../lib/domain/names.ts';
import type { Done, JobContext } from '../lib/worker/worker.ts';
import { type Inherited, withInherited } from './inherited.ts';
import { send } from './send.ts';
import { type StagedTree, StageError } from './staged-tree.ts';
import { describeTarget, type Target, TargetError } from './target.ts';

export interface UploadParts {
  readonly tree: StagedTree;
  /** What was published before this line was. */
  readonly inherited: Pick<Inherited, 'entries' | 'forgetSuperseded'>;
  /** The mirror of a project, or of files that belong to none. Asked anew for each job: keys may be replaced. */
  target(project: Project | undefined): Promise<Target | undefined>;
}

/**
 * Does jobs of queue `upload`: fetches what it lacks of the publication, then sends it, objects first and the names by
 * which they are found last; then takes from the mirror what was published once and is no longer.
 */
export class Uploader {
  readonly #parts: UploadParts;
  /** What each mirror is known to hold. Empty after a start or a failure: then contents are compared. */
  readonly #sent = new Map<string, ReadonlyMap<PublicationPath, Sha256>>();

  constructor(parts: UploadParts) {
    this.#parts = parts;
  }

  async upload(context: JobContext<'upload'>): Promise<Done<'upload'>> {
    try {
      const entries = await this.#fetchPublication(context);
      const gone = await this.#parts.tree.gone();
      const targets = await this.#targets(entries, gone);
      let sent = 0;
      for (const { target, entries: of } of targets) sent += await this.#sendTo(target, of, context);
      for (const { target, gone: paths } of targets) await this.#removeFrom(target, paths, context);
      if (gone.length > 0) await this.#parts.tree.forgetGone();
      return { outcome: { status: 'done', sent, say: sayDone(entries.length, targets) }, objects: [] };
    } catch (error) {
      if (error instanceof TargetError)
        throw new JobFailure('archive-unreachable', error.message, { cause: error });
      if (error instanceof StageError) throw new JobFailure('protocol', error.message, { cause: error });
      throw error;
    }
  }

  async #fetchPublication(context: JobContext<'upload'>): Promise<PublicationEntry[]> {
    const { tree, inherited } = this.#parts;
    const list = context.job.payload.publication;
    if (!(await tree.objects.has(list))) await keep(context, tree, [list], maxInputBytes);
    const entries: PublicationEntry[] = [];
    const { bytes } = await tree.objects.object(list);
    for await (const entry of readJsonLines(bytes(), {
      what: 'publication',
      maxLine: maxPublicationLine,
      parse: parsePublicationEntry,
    })) {
      entries.push(entry);
    }
    const lacked = await tree.lacks(entries);
    context.progress('fetch', 0, lacked.length);
    await keep(context, tree, lacked, maxInputBytes);
    const all = withInherited(entries, inherited.entries);
    await tree.become(all);
    await inherited.forgetSuperseded(all);
    await tree.forgetOthers(all);
    return all;
  }

  async #targets(
    entries: readonly PublicationEntry[],
    gone: readonly PublicationPath[],
  ): Promise<readonly Delivery[]> {
    const deliveries = new Map<string, Delivery>();
    const ofProject = new Map<Project | undefined, Delivery | undefined>();
    const deliveryOf = async (path: PublicationPath) => {
      const project = projects.find((name) => path.startsWith(`${name}/`));
      if (!ofProject.has(project)) {
        const target = await this.#parts.target(project);
        const name = target && describeTarget(target);
        if (target !== undefined && name !== undefined && !deliveries.has(name)) {
          deliveries.set(name, { target, entries: [], gone: [] });
        }
        ofProject.set(project, name === undefined ? undefined : deliveries.get(name));
      }
      return ofProject.get(project);
    };
    for (const entry of entries) (await deliveryOf(entry.path))?.entries.push(entry);
    for (const path of gone) (await deliveryOf(path))?.gone.push(path);
    return [...deliveries.values()];
  }

  async #sendTo(
    target: Target,
    entries: readonly PublicationEntry[],
    context: JobContext<'upload'>,
  ): Promise<number> {
    const name = describeTarget(target);
    const known = this.#sent.get(name);
    this.#sent.delete(name);
    const changed = entries.filter(({ path, sha256 }) => known?.get(path) !== sha256).map(({ path }) => path);
    const compare = known === undefined ? 'content' : 'changed';
    let sent = 0;
    for (const [stage, isNow] of [
      ['send objects', false],
      ['send names', true],
    ] as const) {
      const paths = changed.filter((path) => isName(path) === isNow);
      context.progress(stage, sent, changed.length, name);
      sent += await send(this.#parts.tree.dir, paths, target, { compare, signal: context.signal });
    }
    this.#sent.set(name, new Map(entries.map(({ path, sha256 }) => [path, sha256])));
    context.log.info('sent', { to: name, files: sent, changed: changed.length, published: entries.length });
    return sent;
  }

  async #removeFrom(
    target: Target,
    paths: readonly PublicationPath[],
    context: JobContext<'upload'>,
  ): Promise<void> {
    if (paths.length === 0) return;
    const name = describeTarget(target);
    context.progress('remove', 0, paths.length, name);
    await send(this.#parts.tree.dir, paths, target, { compare: 'absent', signal: context.signal });
    context.log.notice('removed', { from: name, files: paths.length });
  }
}

type Delivery = Readonly<{ target: Target; entries: PublicationEntry[]; gone: PublicationPath[] }>;

/** A path by which readers find others: what apt and people ask for first, so what must change last. */
export function isName(path: PublicationPath): boolean {
  return path.endsWith('/metadata') || path.includes('/results/') || path.endsWith('root.layout');
}

async function keep(
  context: JobContext<'upload'>,
  tree: StagedTree,
  wanted: readonly Sha256[],
  max: number,
): Promise<void> {
  if (wanted.length === 0) return;
  let done = 0;
  await context.fetch(wanted, async (_sha256, object) => {
    await tree.objects.put(object.bytes, max);
    done += 1;
    context.progress('fetch', done, wanted.length);
  });
}

function sayDone(published: number, targets: readonly Delivery[]): string {
  const where = targets.map(({ target }) => describeTarget(target)).join(', ');
  return where === ''
    ? `${published} files kept here: no mirror is configured (repo-remote-ssh-host, repo-remote-ssh-basedir)`
    : `${published} files at ${where}`;
}
