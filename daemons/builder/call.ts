import type { BuildReply, BuildRequest } from '../lib/contracts/build.ts';
import type { BuilderReport } from '../lib/contracts/documents/builder-report.ts';
import type { Recipe } from '../lib/contracts/documents/recipe.ts';
import type { Clock } from '../lib/daemon/clock.ts';
import { bufferObject, type IncomingObject, type OutgoingObject } from '../lib/wire/frame.ts';
import { ReplyError } from '../lib/wire/reply-error.ts';
import { buildAndCollect } from './build.ts';
import { BuildLog } from './build-log.ts';
import { hasKeptBase, makeEnvironment, makeRecipeBase } from './environment.ts';
import { BuildFailure } from './failure.ts';
import { receiveInputs } from './inputs.ts';
import { packedBase, unpackBase } from './kept-base.ts';
import { outputObject } from './outputs.ts';
import { openScratch, type Scratch } from './scratch.ts';

/** One call of `rebuilder.Build+deb`, from its request to its reply. */

const maxSay = 1_000;

export interface CallOptions {
  readonly clock: Clock;
  /** The scratch volume. */
  readonly volume: string;
  /** What limits memory from outside: `cgroup v2`, `virtual machine`, …; undefined: nothing does. */
  readonly limitedBy: string | undefined;
  /** Aborted when nobody waits for the reply any more. */
  readonly gone: AbortSignal;
}

export interface Answer {
  readonly reply: BuildReply;
  readonly objects: AsyncIterable<OutgoingObject>;
}

/** Receives the inputs and begins; the log is sent while the work goes on, the rest once it is done. */
export async function handleBuild(
  request: BuildRequest,
  objects: AsyncIterable<IncomingObject>,
  options: CallOptions,
): Promise<Answer> {
  const call = new Call(request, options, await openScratch(options.volume));
  const recipe = await call.receive(objects);
  const outputs = recipe.kind === 'base' ? 1 : recipe.expect.length;
  return { reply: { v: 1, ok: true, objects: 2 + outputs }, objects: call.work(recipe) };
}

/** How far the work came: what the report tells. */
interface Progress {
  environment: number | undefined;
  build: number | undefined;
  extra: readonly string[];
}

class Call {
  readonly #log: BuildLog;
  readonly #stop = new AbortController();
  readonly #began: number;
  readonly #progress: Progress = { environment: undefined, build: undefined, extra: [] };

  constructor(
    readonly request: BuildRequest,
    readonly options: CallOptions,
    readonly scratch: Scratch,
  ) {
    this.#began = options.clock.monotonic();
    this.#log = new BuildLog(request.limits.logBytes);
    const onGone = () => this.#stop.abort(new BuildFailure('sandbox', 'nobody waits for the build any more'));
    if (options.gone.aborted) onGone();
    else options.gone.addEventListener('abort', onGone, { once: true });
  }

  async receive(objects: AsyncIterable<IncomingObject>): Promise<Recipe> {
    const program = { log: this.#log, stop: this.#stop.signal };
    try {
      return await receiveInputs(objects, this.scratch, (bytes) => unpackBase(this.scratch, bytes, program));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') {
        throw new ReplyError('disk-full', 'the inputs do not fit on the scratch volume', { cause: error });
      }
      if (error instanceof BuildFailure) throw new ReplyError('unavailable', error.message, { cause: error });
      throw error;
    }
  }

  /** The reply's objects; whoever stops reading them ends the work. */
  async *work(recipe: Recipe): AsyncGenerator<OutgoingObject, void, undefined> {
    const over = new AbortController();
    this.#setDeadline(over.signal);
    const results = this.#run(recipe).finally(() => this.#log.end());
    try {
      yield this.#log.object();
      const { report, objects } = await results;
      yield bufferObject(Buffer.from(JSON.stringify(report)));
      yield* objects;
    } finally {
      over.abort();
      this.#stop.abort(new BuildFailure('sandbox', 'the call is over'));
      this.#log.end();
    }
  }

  #setDeadline(over: AbortSignal): void {
    const { wallSeconds } = this.request.limits;
    const late = () =>
      this.#stop.abort(new BuildFailure('timed-out', `the build was not done within ${wallSeconds} s`));
    this.options.clock.sleep(wallSeconds * 1_000, over).then(late, () => {});
  }

  async #run(recipe: Recipe): Promise<{ report: BuilderReport; objects: readonly OutgoingObject[] }> {
    try {
      const objects = recipe.kind === 'base' ? await this.#makeBase(recipe) : await this.#build(recipe);
      return { report: this.#report(recipe), objects };
    } catch (error) {
      const failure = asFailure(error);
      await this.#log.say(failure.message);
      const none = Array.from({ length: recipe.kind === 'base' ? 1 : recipe.expect.length }, () => null);
      return { report: this.#report(recipe, failure), objects: none.map(outputObject) };
    }
  }

  async #makeBase(recipe: Recipe): Promise<readonly OutgoingObject[]> {
    const program = { log: this.#log, stop: this.#stop.signal };
    const epoch = await makeRecipeBase(this.scratch, recipe, program);
    this.#progress.environment = this.#elapsed();
    return [packedBase(this.scratch, epoch)];
  }

  async #build(recipe: Extract<Recipe, { kind: 'deb' }>): Promise<readonly OutgoingObject[]> {
    await makeEnvironment(this.scratch, recipe, { log: this.#log, stop: this.#stop.signal });
    const ready = this.#elapsed();
    this.#progress.environment = ready;
    await this.#log.say(`building, ${ready.toFixed(1)} s after the call began`);
    try {
      const outputs = await buildAndCollect(this.scratch, recipe, {
        clock: this.options.clock,
        limits: this.request.limits,
        memoryIsLimited: this.options.limitedBy !== undefined,
        log: this.#log,
        stop: this.#stop,
      });
      this.#progress.extra = outputs.extra;
      return outputs.files.map(outputObject);
    } finally {
      this.#progress.build = this.#elapsed() - ready;
    }
  }

  #report(recipe: Recipe, failure?: BuildFailure): BuilderReport {
    return {
      v: 1,
      status: failure === undefined ? 'done' : 'failed',
      code: failure?.code ?? null,
      say: (failure?.message ?? '').slice(0, maxSay),
      seconds: {
        environment: this.#progress.environment ?? this.#elapsed(),
        build: this.#progress.build ?? 0,
      },
      limitedBy: this.options.limitedBy ?? 'rlimits',
      base: hasKeptBase(recipe) ? 'kept' : 'made',
      extra: [...this.#progress.extra],
    };
  }

  #elapsed(): number {
    return (this.options.clock.monotonic() - this.#began) / 1_000;
  }
}

function asFailure(error: unknown): BuildFailure {
  if (error instanceof BuildFailure) return error;
  const full = error instanceof Error && 'code' in error && error.code === 'ENOSPC';
  const message = error instanceof Error ? error.message : String(error);
  return new BuildFailure(full ? 'too-large' : 'sandbox', message, { cause: error });
}
