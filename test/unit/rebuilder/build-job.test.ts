import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseBuildReport } from '../../../daemons/lib/contracts/documents/builder-report.ts';
import { parseRecipe, type Recipe } from '../../../daemons/lib/contracts/documents/recipe.ts';
import { systemClock as clock } from '../../../daemons/lib/daemon/clock.ts';
import { Turns } from '../../../daemons/lib/daemon/turns.ts';
import { CallError } from '../../../daemons/lib/wire/call.ts';
import { BaseMaker } from '../../../daemons/rebuilder/bases/maker.ts';
import { Shelf } from '../../../daemons/rebuilder/bases/shelf.ts';
import { type BuildJobParts, buildJob } from '../../../daemons/rebuilder/build-job.ts';
import { Kept } from '../../../daemons/rebuilder/kept.ts';
import { type FakeCall, type FakeReply, fakeCaller } from '../../support/fake-caller.ts';
import { heardLog, jobContext, Objects, type Told } from '../../support/job-context.ts';
import { contentOf, helloRecipe } from './recipes.ts';

const limits = { wallSeconds: 60, memoryMiB: 64, processes: 16, logBytes: 1_000, outputBytes: 10_000 };

let folder: string;
let objects: Objects;
let told: Told[];
/** Recipes that disposables were given, and the inputs that came with each. */
let given: { recipe: Recipe; inputs: readonly Buffer[] }[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'build-job-'));
  objects = new Objects();
  told = [];
  given = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const report = (changes: object = {}) =>
  JSON.stringify({
    v: 1,
    status: 'done',
    code: null,
    say: '',
    seconds: { environment: 1, build: 2 },
    limitedBy: 'rlimits',
    base: 'made',
    extra: [],
    ...changes,
  });

/** A disposable: of a package it returns what `answer` says, of a base always the same tarball. */
type Disposable = (call: FakeCall, recipe: Recipe) => FakeReply | Promise<FakeReply>;
const reply = (...returned: readonly (string | Uint8Array)[]): FakeReply => ({ objects: returned });
const whole: Disposable = (_call, recipe) =>
  recipe.kind === 'base'
    ? reply('log', report(), 'the tarball')
    : reply('the log', report(), 'deb one', 'deb two');

async function partsWith(disposable: Disposable, makesBases = false) {
  const caller = fakeCaller({
    'rebuilder.Build+deb': (call) => {
      const recipe = parseRecipe(JSON.parse(String(call.objects[0])));
      given.push({ recipe, inputs: call.objects.slice(1) });
      return disposable(call, recipe);
    },
  });
  const kept = (name: string) => Kept.open({ folder: join(folder, name), clock, maxBytes: 10 ** 6 });
  const [inputs, outputs] = [await kept('inputs'), await kept('outputs')];
  const bases = await Shelf.open({ folder: join(folder, 'bases'), clock, maxBytes: 10 ** 6 });
  const turns = new Turns(1);
  const stop = new AbortController();
  const log = heardLog(told);
  const shared = { caller, log, limits, inputs, turns, madeBy: '1', stop: stop.signal };
  const baseMaker = makesBases ? new BaseMaker({ ...shared, shelf: bases }) : undefined;
  const settings = { slots: 1, limits, keepBases: 'yes' } as const;
  const parts: BuildJobParts = { caller, settings, inputs, outputs, bases, baseMaker, turns, version: '1' };
  return { parts, stop };
}

async function run(parts: BuildJobParts, recipe = helloRecipe()) {
  for (const input of recipe.inputs) objects.put(contentOf(input.name));
  const payload = { kind: 'deb', recipe: objects.put(recipe) } as const;
  const done = await buildJob(jobContext<'rebuild'>(payload, objects, { told }), parts);
  await objects.take(done.objects);
  if (done.outcome.status !== 'done') throw new Error(done.outcome.status);
  return { done, report: parseBuildReport(JSON.parse(String(objects.get(done.outcome.report)))) };
}
const failing = async (disposable: Disposable) => run((await partsWith(disposable)).parts);

describe('a build', () => {
  it('hands recipe and inputs to a disposable, and returns log, report and files by their hashes', async () => {
    const { parts } = await partsWith(whole);
    const { report: told } = await run(parts);
    expect(given[0]?.recipe).toEqual(helloRecipe());
    expect(given[0]?.inputs.map(String)).toEqual(
      helloRecipe().inputs.map(({ name }) => String(contentOf(name))),
    );
    expect(told.files.map(({ name, sha256 }) => [name, String(objects.get(sha256))])).toEqual([
      ['hello_1.0_amd64.deb', 'deb one'],
      ['hello-doc_1.0_all.deb', 'deb two'],
    ]);
    expect(String(objects.get(told.log))).toBe('the log');
  });

  it('leaves out a file that was not made: an empty object', async () => {
    const { report: told } = await failing(() => reply('log', report(), '', 'deb two'));
    expect(told.files.map(({ name }) => name)).toEqual(['hello-doc_1.0_all.deb']);
  });

  it('that failed is told with its code and its log', async () => {
    const { report: told } = await failing(() =>
      reply('make: *** no', report({ status: 'failed', code: 'build-failed', say: 'make failed' }), '', ''),
    );
    expect(told.builder).toMatchObject({ status: 'failed', code: 'build-failed' });
    expect(told.files).toEqual([]);
    expect(String(objects.get(told.log))).toBe('make: *** no');
  });

  it.each<[string, string, Disposable]>([
    ['a file too few', 'protocol', () => reply('log', report(), 'deb one')],
    ['a file too many', 'protocol', () => reply('log', report(), 'deb one', 'deb two', 'deb three')],
    ['nothing at all', 'protocol', () => ({})],
    ['a file larger than allowed', 'too-large', () => reply('log', report(), Buffer.alloc(10_001), '')],
    [
      'files larger than allowed together',
      'too-large',
      () => reply('log', report(), Buffer.alloc(6_000), Buffer.alloc(6_000)),
    ],
    ['a log larger than allowed', 'too-large', () => reply(Buffer.alloc(10_000, 'x'), report(), '', '')],
  ])('is refused with %s', async (_what, code, disposable) => {
    await expect(failing(disposable)).rejects.toMatchObject({ name: 'JobFailure', code });
  });

  it.each<[string, Disposable]>([
    ['is no JSON', () => reply('log', 'nonsense', 'deb one', 'deb two')],
    ['has another shape', () => reply('log', report({ status: 'well' }), 'deb one', 'deb two')],
    ['renames a file', () => reply('log', report({ files: [{ name: '../../etc/passwd' }] }), '', '')],
  ])('is refused when the report %s', async (_what, disposable) => {
    await expect(failing(disposable)).rejects.toMatchObject({ name: 'JobFailure', code: 'protocol' });
  });

  it.each<[string, CallError]>([
    ['is refused by policy', new CallError('refused', 'request refused', false)],
    ['is lost', new CallError('lost', 'the connection was lost', false)],
    ['cannot be had', new CallError('unavailable', 'no such service', false)],
  ])('is a failure of ours when the disposable %s', async (_what, error) => {
    const disposable = () => {
      throw error;
    };
    await expect(failing(disposable)).rejects.toMatchObject({ code: 'sandbox', fault: 'ours' });
  });

  it('is refused when the orchestrator sends other inputs than the recipe names', async () => {
    const { parts } = await partsWith(whole);
    const recipe = helloRecipe();
    const [first] = recipe.inputs;
    if (first === undefined) throw new Error('no input');
    const payload = { kind: 'deb', recipe: objects.put(recipe) } as const;
    for (const input of recipe.inputs) objects.put(contentOf(input.name));
    const swapped = jobContext<'rebuild'>(payload, objects);
    const fetch: typeof swapped.fetch = (shas, into) =>
      swapped.fetch(
        shas.map((sha) => (sha === first.sha256 ? objects.put('poison') : sha)),
        (sha, object) => into(sha === objects.put('poison') ? first.sha256 : sha, object),
      );
    await expect(buildJob({ ...swapped, fetch }, parts)).rejects.toMatchObject({ code: 'protocol' });
    expect(given).toEqual([]);
  });

  it('passes each input on as soon as it is here', async () => {
    const { parts } = await partsWith(whole);
    const recipe = helloRecipe();
    for (const input of recipe.inputs) objects.put(contentOf(input.name));
    const payload = { kind: 'deb', recipe: objects.put(recipe) } as const;
    const context = jobContext<'rebuild'>(payload, objects);
    let passed = 0;
    const caller: typeof parts.caller = {
      ...parts.caller,
      call: (contract, argument, request, options = {}) => {
        const counted = (options.objects ?? []).map((object) => ({
          ...object,
          async *bytes() {
            yield* object.bytes();
            passed += 1;
          },
        }));
        return parts.caller.call(contract, argument, request, { ...options, objects: counted });
      },
    };
    let brought = 0;
    const fetch: typeof context.fetch = (shas, into) =>
      context.fetch(shas, async (sha, object) => {
        // The recipe itself, and the inputs before this one.
        if (brought > 0) await expect.poll(() => passed).toBe(brought);
        await into(sha, object);
        brought += 1;
      });
    await buildJob({ ...context, fetch }, { ...parts, caller });
    expect(passed).toBe(1 + recipe.inputs.length);
  });

  it('that lacks an input is not the disposable’s failure', async () => {
    const { parts } = await partsWith(whole);
    const payload = { kind: 'deb', recipe: objects.put(helloRecipe()) } as const;
    const context = jobContext<'rebuild'>(payload, objects);
    const refusal = new CallError('not-found', 'the object store does not hold it', true);
    const fetch: typeof context.fetch = async (shas, into) => {
      if (!shas.includes(payload.recipe)) throw refusal;
      await context.fetch(shas, into);
    };
    await expect(buildJob({ ...context, fetch }, parts)).rejects.toBe(refusal);
    expect(given).toEqual([]);
  });

  it('fetches an input once, however many builds need it', async () => {
    const { parts } = await partsWith(whole);
    await run(parts);
    const recipe = helloRecipe();
    const payload = { kind: 'deb', recipe: objects.put(recipe) } as const;
    const again = jobContext<'rebuild'>(payload, objects);
    const fetched: string[] = [];
    const fetch: typeof again.fetch = (shas, into) => {
      fetched.push(...shas);
      return again.fetch(shas, into);
    };
    await buildJob({ ...again, fetch }, parts);
    expect(fetched).toEqual([payload.recipe]);
  });
});

describe('a base', () => {
  it('is made by two disposables that build nothing, only once the build is delivered', async () => {
    const { parts } = await partsWith(whole, true);
    const { done } = await run(parts);
    expect(given.map(({ recipe }) => recipe.kind)).toEqual(['deb']);
    done.delivered?.();
    await parts.baseMaker?.idle();
    expect(given.map(({ recipe }) => recipe.kind)).toEqual(['deb', 'base', 'base']);
    const names = given[1]?.recipe.inputs.map(({ name }) => name);
    expect(names).toEqual(['dpkg_1.21_amd64.deb', 'gcc_12_amd64.deb']);
    expect(given[2]).toEqual(given[1]);
  });

  it('then serves the next build, which gets it in place of its packages', async () => {
    const { parts } = await partsWith(whole, true);
    (await run(parts)).done.delivered?.();
    await parts.baseMaker?.idle();
    given.length = 0;
    const { done } = await run(parts);
    const [{ recipe, inputs } = { recipe: undefined, inputs: [] }] = given;
    expect(recipe?.inputs.map(({ name, role }) => [name, role])).toEqual([
      ['base.tar.zst', 'base'],
      ['hello_1.0.dsc', 'source'],
      ['hello_1.0.tar.xz', 'source'],
      ['debhelper_13_all.deb', 'dependency'],
    ]);
    expect(String(inputs[0])).toBe('the tarball');
    expect(recipe?.dependencies).toEqual(helloRecipe().dependencies);
    done.delivered?.();
    await parts.baseMaker?.idle();
    expect(given).toHaveLength(1);
  });

  it('does not serve a build with another package in its base', async () => {
    const { parts } = await partsWith(whole, true);
    (await run(parts)).done.delivered?.();
    await parts.baseMaker?.idle();
    given.length = 0;
    const { inputs, dependencies } = helloRecipe();
    const other = helloRecipe({
      inputs: inputs.map((input) =>
        input.name === 'gcc_12_amd64.deb'
          ? { ...input, sha256: objects.put('another gcc'), size: 11 }
          : input,
      ),
      dependencies,
    });
    await run(parts, other);
    expect(given[0]?.recipe.inputs.map(({ role }) => role)).not.toContain('base');
  });

  it('is kept by nobody when two disposables disagree, and that is said', async () => {
    let making = 0;
    const { parts } = await partsWith((call, recipe) => {
      making += 1;
      return recipe.kind === 'base' ? reply('log', report(), `tarball ${making}`) : whole(call, recipe);
    }, true);
    (await run(parts)).done.delivered?.();
    await parts.baseMaker?.idle();
    given.length = 0;
    (await run(parts)).done.delivered?.();
    await parts.baseMaker?.idle();
    expect(given.map(({ recipe }) => recipe.kind)).toEqual(['deb']);
    expect(given[0]?.recipe.inputs.map(({ role }) => role)).not.toContain('base');
    expect(told.filter(({ level }) => level === 'warning').map(({ event }) => event)).toEqual([
      'two disposables made different bases of the same packages: none is kept',
    ]);
  });

  it('that cannot be made costs the builds nothing', async () => {
    const { parts } = await partsWith((call, recipe) => {
      if (recipe.kind === 'base') throw new CallError('lost', 'the disposable died', false);
      return whole(call, recipe);
    }, true);
    for (let build = 0; build < 2; build++) (await run(parts)).done.delivered?.();
    await parts.baseMaker?.idle();
    expect((await run(parts)).report.files).toHaveLength(2);
    expect(told.filter(({ level }) => level === 'warning').length).toBeGreaterThan(0);
  });

  it('keeps its turn until both disposables have ended, though one fails at once', async () => {
    let end: () => void = () => {};
    const slow = new Promise<void>((resolve) => {
      end = resolve;
    });
    let makings = 0;
    const { parts } = await partsWith(async (call, recipe) => {
      if (recipe.kind === 'deb') return whole(call, recipe);
      makings += 1;
      if (makings === 1) throw new CallError('lost', 'the disposable died', false);
      await slow;
      return whole(call, recipe);
    }, true);
    (await run(parts)).done.delivered?.();
    await expect.poll(() => makings).toBe(2);
    let taken = false;
    const next = parts.turns.take(async () => {
      taken = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(taken).toBe(false);
    end();
    await next;
    await parts.baseMaker?.idle();
  });

  it('is not begun any more once the rebuilder is told to stop', async () => {
    const { parts, stop } = await partsWith(whole, true);
    const { done } = await run(parts);
    stop.abort(new Error('stop'));
    done.delivered?.();
    await parts.baseMaker?.idle();
    expect(given.map(({ recipe }) => recipe.kind)).toEqual(['deb']);
  });
});
