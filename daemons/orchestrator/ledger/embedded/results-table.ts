import type { AttestedVerdict, PhaseSeconds, ResultWhole } from '../../../lib/contracts/documents/views.ts';
import type { BuildVerdict, ShownState } from '../../../lib/domain/verdict.ts';
import type { BuildId } from '../../ids.ts';
import type { BuildSeed, Moment, ResultPatch } from '../port.ts';
import type { Database, Statement } from './database.ts';
import { type ResultRowInFile, resultOf } from './rows.ts';
import { VerdictsTable } from './verdicts-table.ts';

const noSeconds: PhaseSeconds = { get: null, inputs: null, environment: null, build: null, attest: null };

/** Results: what people see of each build, and what it refers to. */
export class ResultsTable {
  readonly #find: Statement<ResultRowInFile>;
  readonly #insert: Statement<never>;
  readonly #write: Statement<never>;
  readonly #show: Statement<never>;
  readonly #verdicts: VerdictsTable;

  constructor(db: Database) {
    this.#find = db.prepare('SELECT * FROM results WHERE build = ?');
    this.#insert = db.prepare(
      'INSERT INTO results (build, dist, source, state, changed, whole) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#write = db.prepare('UPDATE results SET state = ?, changed = ?, whole = ? WHERE seq = ?');
    this.#show = db.prepare('UPDATE results SET state = ?, changed = ? WHERE build = ?');
    this.#verdicts = new VerdictsTable(db);
  }

  find(build: BuildId): ResultWhole | undefined {
    const row = this.#find.get(build);
    return row === undefined ? undefined : resultOf(row);
  }

  /** A build's first step is submitted: a new result, or the old one waiting again. What was attested stays said. */
  begin(build: BuildId, seed: BuildSeed, now: Moment): void {
    const known = this.#find.get(build);
    const whole = JSON.stringify(beginning(build, seed, known === undefined ? undefined : resultOf(known)));
    if (known !== undefined) this.#write.run('pending', now.wall, whole, known.seq);
    else this.#insert.run(build, seed.spec.dist, seed.spec.source, 'pending', now.wall, whole);
  }

  patch(build: BuildId, patch: ResultPatch, now: Moment): void {
    const known = this.#find.get(build);
    if (known === undefined) return;
    const old = resultOf(known);
    const { recipe, report, buildinfo, publish, seconds, state, signedBy = [], ...row } = patch;
    const { verdict = null } = patch;
    if (verdict !== null) {
      const { code = null, say = '', attestation = null } = patch;
      this.#verdicts.add({ build, at: now.wall, verdict, code, say, attestation, signedBy: [...signedBy] });
    }
    const { attested } = old.row;
    const whole: ResultWhole = {
      ...old,
      ...(recipe === undefined ? {} : { recipe }),
      ...(report === undefined ? {} : { report }),
      ...(buildinfo === undefined ? {} : { buildinfo }),
      ...(publish === undefined ? {} : { publish }),
      row: {
        ...old.row,
        ...row,
        attested:
          verdict === null || signedBy.length === 0 ? attested : withLast(attested, verdict, now.wall),
        seconds: { ...old.row.seconds, ...seconds },
      },
    };
    this.#write.run(state, now.wall, JSON.stringify(whole), known.seq);
  }

  /** Only the word that people see changes. */
  show(build: BuildId, state: ShownState, now: Moment): void {
    this.#show.run(state, now.wall, build);
  }
}

/** Each verdict once, when it was signed last. */
function withLast(
  attested: readonly AttestedVerdict[],
  verdict: BuildVerdict,
  at: number,
): AttestedVerdict[] {
  return [...attested.filter((one) => one.verdict !== verdict), { verdict, at }];
}

function beginning(
  build: BuildId,
  { spec, files, getSeconds }: BuildSeed,
  old: ResultWhole | undefined,
): ResultWhole {
  return {
    row: {
      build,
      dist: spec.dist,
      source: spec.source,
      version: spec.version,
      sourceVersion: spec.sourceVersion,
      parts: spec.parts,
      environment: spec.environment.kind === 'inferred' ? 'inferred' : 'buildinfo',
      selfHosted: false,
      state: 'pending',
      verdict: null,
      code: null,
      say: '',
      files: [...files],
      seconds: { ...noSeconds, get: getSeconds },
      log: old?.row.log ?? null,
      attestation: old?.row.attestation ?? null,
      attested: old?.row.attested ?? [],
      changed: 0,
    },
    spec,
    recipe: null,
    report: null,
    buildinfo: null,
    evidence: spec.evidence,
    publish: old?.publish ?? [],
  };
}
