import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkRecipe, receiveInputs } from '../../../daemons/builder/inputs.ts';
import { openScratch, type Scratch } from '../../../daemons/builder/scratch.ts';
import { systemClock as clock } from '../../../daemons/lib/daemon/clock.ts';
import { parseSha256 } from '../../../daemons/lib/domain/names.ts';
import { bufferObject, readMessage, writeMessage } from '../../../daemons/lib/wire/frame.ts';
import { onKeptBase } from '../../../daemons/rebuilder/bases/base-recipe.ts';
import { contentOf, helloRecipe } from '../rebuilder/recipes.ts';

let folder: string;
let scratch: Scratch;
let base: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'inputs-'));
  scratch = await openScratch(folder);
  base = '';
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Sends objects through real frames, as the rebuilder does. */
async function send(objects: readonly (string | Buffer)[]) {
  const stream = new PassThrough();
  const sent = objects.map((object) => bufferObject(Buffer.from(object)));
  writeMessage(stream, { v: 1 }, sent, { clock }).then(
    () => stream.end(),
    () => stream.destroy(),
  );
  const message = await readMessage(stream, { clock, maxObjects: 100, maxObjectBytes: 10 ** 8 });
  const unpack = async (bytes: AsyncIterable<Uint8Array>) => {
    for await (const chunk of bytes) base += Buffer.from(chunk).toString();
  };
  return receiveInputs(message.objects, scratch, unpack);
}
const sha = (text: string) => parseSha256(createHash('sha256').update(text).digest('hex'));
const recipe = helloRecipe();
const contents = recipe.inputs.map(({ name }) => contentOf(name));
async function refused(objects: readonly (string | Buffer)[]): Promise<void> {
  scratch = await openScratch(folder);
  await expect(send(objects)).rejects.toMatchObject({ name: 'ReplyError', code: 'protocol' });
}

describe('what comes with a call', () => {
  it('goes where its role says: sources, packages of the base, the others', async () => {
    expect(await send([JSON.stringify(recipe), ...contents])).toEqual(recipe);
    expect(readFileSync(join(scratch.sources, 'hello_1.0.dsc'))).toEqual(contentOf('hello_1.0.dsc'));
    expect(readFileSync(join(scratch.basePackages, 'gcc_12_amd64.deb'))).toEqual(
      contentOf('gcc_12_amd64.deb'),
    );
    expect(readFileSync(join(scratch.otherPackages, 'debhelper_13_all.deb'))).toEqual(
      contentOf('debhelper_13_all.deb'),
    );
  });

  it('is unpacked while it comes, where it is a kept base', async () => {
    const kept = onKeptBase(recipe, { sha256: sha('the tarball'), size: 11 });
    const rest = kept.inputs.slice(1).map(({ name }) => contentOf(name));
    expect(await send([JSON.stringify(kept), 'the tarball', ...rest])).toEqual(kept);
    expect(base).toBe('the tarball');
    await refused([JSON.stringify(kept), 'another one', ...rest]);
  });

  it('is refused where it is not what the recipe names, too little or too much', async () => {
    await refused([JSON.stringify(recipe), ...contents.slice(0, -1), 'poison']);
    await refused([JSON.stringify(recipe), ...contents.slice(0, -1)]);
    await refused([JSON.stringify(recipe), ...contents, 'more']);
    await refused(['no recipe', ...contents]);
  });

  it('is refused with any other recipe, in whatever way it is broken', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.jsonValue().map((value) => JSON.stringify(value)),
          fc.string(),
        ),
        async (text) => {
          await refused([text]);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('a recipe', () => {
  const { inputs, dependencies } = recipe;
  const [first, ...others] = inputs;
  if (first === undefined) throw new Error('no inputs');
  it.each([
    ['two inputs of one name', { inputs: [...inputs, first] }, 'two inputs have one name'],
    ['a .dsc that does not come', { dsc: 'other_1.dsc' as never }, 'the .dsc is not among the inputs'],
    ['a dependency that does not come', { inputs: inputs.slice(0, 2) }, 'is not among the inputs'],
    [
      'a source as a dependency',
      { dependencies: [{ ...dependencies[0], file: first.name }] as never },
      'is not among',
    ],
    [
      'two bases',
      { inputs: [{ ...first, role: 'base' }, { ...first, role: 'base', name: 'b' }, ...others] as never },
      'more than one base',
    ],
  ])('is refused with %s', (_what, changes, say) => {
    expect(() => checkRecipe(helloRecipe(changes))).toThrow(say);
  });
});
