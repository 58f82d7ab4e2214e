import fc from 'fast-check';
import {
  parseBuilderReport,
  parseBuildReport,
} from '../../../../../daemons/lib/contracts/documents/builder-report.ts';
import {
  durations,
  failureCodes,
  poolFileNames,
  sha256s,
  sizes,
  some,
  texts,
} from '../../../../support/contract-values.ts';
import { describeParser } from '../../../../support/parser-laws.ts';

const builderReports = fc.record({
  v: fc.constant(1),
  status: fc.constantFrom('done', 'failed'),
  code: failureCodes,
  say: texts,
  seconds: fc.record({ environment: durations, build: durations }),
  limitedBy: texts,
  base: fc.constantFrom('kept', 'made'),
  extra: some(texts),
});

const ofBuilderReport = {
  nullable: ['code'],
  texts: { say: 2_000, limitedBy: 60, 'extra.*': 255, 'rebuilder.version': 60 },
  fractions: ['seconds.environment', 'seconds.build'],
} as const;

describeParser({
  what: "a builder's report",
  parse: parseBuilderReport,
  valid: builderReports,
  ...ofBuilderReport,
  lists: { extra: 1_000 },
});

describeParser({
  what: "a rebuilder's report",
  parse: parseBuildReport,
  valid: fc.record({
    v: fc.constant(1),
    builder: builderReports,
    log: sha256s,
    files: some(fc.record({ name: poolFileNames, sha256: sha256s, size: sizes })),
    rebuilder: fc.record({ version: texts, inputBytes: sizes }),
  }),
  ...ofBuilderReport,
  lists: { extra: 1_000, files: 4_000 },
});
