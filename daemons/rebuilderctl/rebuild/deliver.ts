import { chmod, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseBuildReport } from '../../lib/contracts/documents/builder-report.ts';
import { parseEvidence } from '../../lib/contracts/documents/feed.ts';
import { parseResultWhole, type ResultRow, type ResultWhole } from '../../lib/contracts/documents/views.ts';
import { query } from '../../lib/contracts/query.ts';
import { parsePublicationPath, type Sha256, withoutEpoch } from '../../lib/domain/names.ts';
import { queryRow } from '../../lib/wire/rows.ts';
import type { Context } from '../context.ts';
import { CommandError } from '../errors.ts';

type Wanted = Map<string, Sha256>;

/**
 * Writes what came of a rebuild to a folder: the files it made, and for each build its log, recipe, report,
 * attestation and buildinfo; `evidence/` with the signed indexes it was judged by; and the links where they would be
 * published. Only names that a parser accepted join a path.
 */
export async function deliver(
  context: Pick<Context, 'caller' | 'stop'>,
  rows: readonly ResultRow[],
  dir: string,
): Promise<void> {
  const evidence = new Set<Sha256>();
  for (const row of rows) {
    const whole = await queryRow(
      context.caller,
      'result',
      { build: row.build },
      { parse: parseResultWhole, signal: context.stop },
    );
    await save(context, dir, documentsOf(whole));
    if (whole.report !== null) {
      const report = parseBuildReport(await readJson(join(dir, `${stemOf(row)}.report.json`)));
      await save(context, dir, new Map(report.files.map((file) => [file.name, file.sha256])));
    }
    evidence.add(whole.evidence);
  }
  for (const [index, sha256] of [...evidence].entries()) {
    await saveEvidence(context, join(dir, index === 0 ? 'evidence' : `evidence-${index + 1}`), sha256);
  }
}

/** `libcap2_2.66-4+deb12u3+b1_any`. */
function stemOf(row: ResultRow): string {
  return `${row.source}_${withoutEpoch(row.version)}_${row.parts.join('+')}`;
}

function documentsOf(whole: ResultWhole): Wanted {
  const stem = stemOf(whole.row);
  const wanted: Wanted = new Map();
  for (const [name, sha256] of [
    [`${stem}.log`, whole.row.log],
    [`${stem}.recipe.json`, whole.recipe],
    [`${stem}.report.json`, whole.report],
    [`${stem}.attestation.json`, whole.row.attestation],
    [`${stem}.buildinfo`, whole.buildinfo],
  ] as const) {
    if (sha256 !== null) wanted.set(name, sha256);
  }
  for (const { path, sha256 } of whole.publish) wanted.set(parsePublicationPath(path), sha256);
  return wanted;
}

async function saveEvidence(
  context: Pick<Context, 'caller' | 'stop'>,
  dir: string,
  sha256: Sha256,
): Promise<void> {
  await save(context, dir, new Map([['evidence.json', sha256]]));
  const { releases } = parseEvidence(await readJson(join(dir, 'evidence.json')));
  const wanted: Wanted = new Map();
  for (const [number, { release, signature, indexes }] of releases.entries()) {
    wanted.set(`${number}/${signature === null ? 'InRelease' : 'Release'}`, release);
    if (signature !== null) wanted.set(`${number}/Release.gpg`, signature);
    for (const index of indexes) wanted.set(`${number}/${index.path}`, index.sha256);
  }
  await save(context, dir, wanted);
}

const maxAtOnce = 100;

/** Brings objects and gives each its name once it is whole; what stood there is replaced. */
async function save(
  { caller, stop }: Pick<Context, 'caller' | 'stop'>,
  dir: string,
  wanted: Wanted,
): Promise<void> {
  const all = [...wanted];
  for (let at = 0; at < all.length; at += maxAtOnce) {
    const some = all.slice(at, at + maxAtOnce);
    const request = { sha256: some.map(([, sha256]) => sha256) };
    const { objects, done } = await caller.call(query, 'object', request, { signal: stop });
    let came = 0;
    for await (const object of objects) {
      const [name, sha256] = some[object.index] ?? [];
      if (name === undefined) throw new CommandError('more objects came than were asked for');
      const path = join(dir, name);
      const part = `${path}.part`;
      await mkdir(dirname(path), { recursive: true });
      await rm(part, { force: true });
      const saved = await object.saveTo(part);
      if (saved.sha256 !== sha256) throw new CommandError(`${name}: another object came than was asked for`);
      await chmod(part, 0o644);
      await rename(part, path);
      came += 1;
    }
    await done();
    if (came < some.length) throw new CommandError('fewer objects came than were asked for');
  }
}

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'));
}
