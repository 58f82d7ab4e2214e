import fc from 'fast-check';
import { maxNoticeSay, noticeCodes } from '../../../../../daemons/lib/contracts/documents/notice.ts';
import {
  maxDists,
  maxNoticesTold,
  maxRevokedTold,
  maxWorkers,
  parseJobRow,
  parseResultRow,
  parseResultWhole,
  parseSignedRow,
  parseStatusView,
  parseVerdictRow,
  signedNexts,
} from '../../../../../daemons/lib/contracts/documents/views.ts';
import {
  buildIds,
  buildSpecs,
  counts,
  dists,
  durations,
  failureCodes,
  fingerprints,
  jobIds,
  judgedFiles,
  nullableOfJudgedFile,
  ofBuildSpec,
  partLists,
  publicationPaths,
  sha256s,
  sizes,
  some,
  sourceNames,
  texts,
  versions,
  wallTimes,
} from '../../../../support/contract-values.ts';
import { describeParser } from '../../../../support/parser-laws.ts';

const queueNames = fc.constantFrom('get', 'rebuild', 'attest', 'diff', 'report', 'upload');
const shown = fc.constantFrom('pending', 'running', 'retry', 'reproducible', 'unreproducible', 'failure');

describeParser({
  what: 'a row of the view of jobs',
  parse: parseJobRow,
  valid: fc.record({
    id: jobIds,
    build: buildIds,
    queue: queueNames,
    kind: texts.map((text) => text.slice(0, 20)),
    about: texts,
    state: fc.constantFrom('pending', 'leased', 'settled', 'set-aside', 'cancelled'),
    holder: texts,
    tries: counts,
    submitted: wallTimes,
    changed: wallTimes,
    progress: texts,
    code: failureCodes,
    say: texts,
  }),
  optional: ['code'],
  nullable: ['build', 'holder', 'progress', 'code', 'say'],
  texts: { kind: 20, about: 300, holder: 63, progress: 300, say: 2_000 },
});

const phases = ['get', 'inputs', 'environment', 'build', 'attest'] as const;
const verdicts = fc.constantFrom('reproducible', 'unreproducible', 'failure');
const resultRows = fc.record({
  build: buildIds,
  dist: dists,
  source: sourceNames,
  version: versions,
  sourceVersion: versions,
  parts: partLists,
  environment: fc.constantFrom('buildinfo', 'inferred'),
  selfHosted: fc.boolean(),
  state: shown,
  verdict: verdicts,
  code: failureCodes,
  say: texts,
  files: some(judgedFiles),
  seconds: fc.record({
    get: durations,
    inputs: durations,
    environment: durations,
    build: durations,
    attest: durations,
  }),
  log: sha256s,
  attestation: sha256s,
  attested: some(fc.record({ verdict: verdicts, at: wallTimes })),
  changed: wallTimes,
});

const ofResultRow = {
  optional: ['attested'],
  nullable: [
    '/verdict',
    '/row.verdict',
    'code',
    'log',
    'attestation',
    ...phases.map((phase) => `seconds.${phase}`),
    ...nullableOfJudgedFile.map((member) => `files.*.${member}`),
  ],
  texts: { say: 2_000 },
  lists: { parts: 2, files: 4_000, attested: 3 },
  fractions: phases.map((phase) => `seconds.${phase}`),
};

describeParser({
  what: 'a row of the view of results',
  parse: parseResultRow,
  valid: resultRows,
  ...ofResultRow,
});

describeParser({
  what: 'a row of the view of history',
  parse: parseVerdictRow,
  valid: fc.record({
    build: buildIds,
    at: wallTimes,
    verdict: verdicts,
    code: failureCodes,
    say: texts,
    attestation: sha256s,
    signedBy: some(fingerprints),
  }),
  nullable: ['code', 'attestation'],
  texts: { say: 2_000 },
  lists: { signedBy: 4 },
});

describeParser({
  what: 'a row of the view of what a key signed',
  parse: parseSignedRow,
  valid: fc.record({
    build: buildIds,
    dist: dists,
    source: sourceNames,
    version: versions,
    state: shown,
    documents: counts,
    next: fc.constantFrom(...signedNexts),
  }),
});

describeParser({
  what: 'a result, whole',
  parse: parseResultWhole,
  valid: fc.record({
    row: resultRows,
    spec: buildSpecs,
    recipe: sha256s,
    report: sha256s,
    buildinfo: sha256s,
    evidence: sha256s,
    publish: some(fc.record({ path: publicationPaths, sha256: sha256s })),
  }),
  ...ofResultRow,
  nullable: [...ofResultRow.nullable, 'recipe', 'report', 'buildinfo'],
  texts: { ...ofResultRow.texts, ...ofBuildSpec.texts },
  lists: { ...ofResultRow.lists, ...ofBuildSpec.lists, publish: 20_000 },
});

describeParser({
  what: 'the view of the state of all',
  parse: parseStatusView,
  valid: fc.record({
    version: texts,
    now: wallTimes,
    queues: some(
      fc.record({
        queue: queueNames,
        pending: counts,
        leased: counts,
        setAside: counts,
        paused: fc.boolean(),
      }),
    ),
    states: some(fc.record({ dist: dists, state: shown, count: counts })),
    workers: some(fc.record({ qube: texts, queue: queueNames, lastSeen: wallTimes, jobs: some(jobIds) })),
    feeds: some(fc.record({ dist: dists, lastRead: wallTimes, say: texts, next: wallTimes })),
    notices: some(
      fc.record({
        code: fc.constantFrom(...noticeCodes),
        say: texts,
        at: wallTimes,
        qube: texts,
        queue: queueNames,
      }),
    ),
    revoked: some(
      fc.record({ key: fingerprints, since: wallTimes, builds: counts, stillSigns: fc.boolean() }),
    ),
    objects: fc.record({ count: counts, bytes: sizes, quotaBytes: fc.option(wallTimes) }),
  }),
  optional: ['notices', 'revoked'],
  nullable: ['lastRead', 'feeds.*.say', 'next', 'at', 'quotaBytes'],
  texts: { version: 60, qube: 63, 'notices.*.say': maxNoticeSay, say: 2_000 },
  lists: {
    queues: 6,
    states: maxDists * 6,
    workers: maxWorkers,
    'workers.*.jobs': 64,
    feeds: maxDists,
    notices: maxNoticesTold,
    revoked: maxRevokedTold,
  },
});
