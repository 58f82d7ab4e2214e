import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { JobObjects } from '../../../daemons/attester/compare/job-objects.ts';
import { jobContext, Objects } from '../../support/job-context.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'job-objects-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('brings a file once for two who ask at once: empty indexes all have the same bytes', async () => {
  const kept = new Objects();
  const sha256 = kept.put('an index');
  const context = jobContext<'attest'>({} as never, kept);
  let fetches = 0;
  const fetch: typeof context.fetch = async (shas, into) => {
    fetches += 1;
    await context.fetch(shas, into);
  };
  const objects = new JobObjects({ ...context, fetch }, folder);
  const [one, other] = await Promise.all([objects.file(sha256), objects.file(sha256)]);
  expect(other).toBe(one);
  expect(readFileSync(one, 'utf8')).toBe('an index');
  expect(fetches).toBe(1);
  await objects.remove();
});

it('brings what is small in one call, and refuses what is not', async () => {
  const kept = new Objects();
  const [one, other, file] = [kept.put('one'), kept.put('{"of":"another"}'), kept.put('a file')];
  const context = jobContext<'attest'>({} as never, kept);
  const asked: (readonly string[])[] = [];
  const fetch: typeof context.fetch = async (shas, into) => {
    asked.push(shas);
    await context.fetch(shas, into);
  };
  const objects = new JobObjects({ ...context, fetch }, folder);
  await objects.bring(
    new Map([
      [one, 10],
      [other, 100],
    ]),
    [file, one],
  );
  expect(await objects.read(one, 10)).toEqual(Buffer.from('one'));
  expect(await objects.document(other, 100, (untrusted) => untrusted)).toEqual({ of: 'another' });
  expect([...(await objects.hash([file], () => {})).keys()]).toEqual([file]);
  expect(asked.flat()).toEqual([one, other, file]);
  await expect(objects.read(one, 2)).rejects.toMatchObject({ code: 'protocol' });
});
