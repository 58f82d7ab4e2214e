import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxNoticeSay, maxNotices, noticeCodes } from '../../../../daemons/lib/contracts/documents/notice.ts';
import { queues } from '../../../../daemons/lib/contracts/job.ts';
import { lease, leasePollMs, parsePayload } from '../../../../daemons/lib/contracts/lease.ts';
import { encodeHeader } from '../../../../daemons/lib/wire/header.ts';
import {
  architectures,
  buildSpecs,
  dists,
  fences,
  jobIds,
  ofBuildSpec,
  publicationPaths,
  sha256s,
  some,
  sourceNames,
  texts,
  versions,
  wallTimes,
} from '../../../support/contract-values.ts';
import { describeParser } from '../../../support/parser-laws.ts';

describeParser({
  what: 'a request for a job',
  parse: (untrusted) => lease.parseRequest(untrusted, 'rebuild'),
  valid: fc.record({
    v: fc.constant(1),
    kinds: some(fc.constantFrom('deb', 'inputs', 'feed')),
    waitMs: fc.constantFrom(0, 1, leasePollMs),
    capabilities: fc.record({
      architectures: some(architectures),
      cores: fc.integer({ min: 1, max: 4_096 }),
      memoryMiB: fc.constantFrom(1, 2 ** 30),
    }),
    notices: some(fc.record({ code: fc.constantFrom(...noticeCodes), say: texts, at: wallTimes })),
  }),
  optional: ['v', 'kinds', 'waitMs', 'capabilities', 'notices'],
  nullable: ['at'],
  texts: { say: maxNoticeSay },
  lists: { kinds: 10, architectures: 20, notices: maxNotices },
});

describe('the most notices that a request may carry', () => {
  it('fit into a header, however their text is escaped', () => {
    const notice = { code: 'layout-threshold', say: '"'.repeat(maxNoticeSay), at: 2 ** 53 - 1 };
    const notices = Array.from({ length: maxNotices }, () => notice);
    expect(() => encodeHeader(lease.parseRequest({ notices }, 'attest'))).not.toThrow();
  });
});

describeParser({
  what: 'a reply that lends a job',
  parse: (untrusted) => lease.parseReply(untrusted, 'get'),
  valid: fc.record({
    v: fc.constant(1),
    ok: fc.constant(true),
    job: fc.record({
      id: jobIds,
      fence: fences,
      leaseMs: fc.constantFrom(1_000, 60_000, 86_400_000),
      about: texts,
      payload: fc.jsonValue(),
    }),
  }),
  nullable: ['job'],
  texts: { about: 300 },
  // Whose payload it is, only the queue says: `parsePayload` reads it.
  opaque: ['payload'],
});

describeParser({
  what: 'the payload of a get of feeds',
  parse: (untrusted) => parsePayload('get', untrusted),
  valid: fc.record({
    kind: fc.constant('feed'),
    dists: some(dists),
    only: fc.record({ source: sourceNames, version: versions, buildinfos: some(sha256s) }),
    resume: texts,
  }),
  nullable: ['only', 'version', 'resume'],
  texts: { resume: 4_000 },
  lists: { dists: 20, buildinfos: 20 },
});

describeParser({
  what: 'the payload of a get of inputs or official files',
  parse: (untrusted) => parsePayload('get', untrusted),
  valid: fc.record({ kind: fc.constantFrom('inputs', 'official'), build: buildSpecs }),
  ...ofBuildSpec,
});

describeParser({
  what: 'the payload of an attestation of a build',
  parse: (untrusted) => parsePayload('attest', untrusted),
  valid: fc.record({
    kind: fc.constant('build'),
    build: buildSpecs,
    recipe: sha256s,
    report: sha256s,
    buildinfo: sha256s,
    earlier: some(fc.record({ path: publicationPaths, sha256: sha256s })),
  }),
  nullable: ['buildinfo'],
  texts: ofBuildSpec.texts,
  lists: { ...ofBuildSpec.lists, earlier: 40 },
});

describe.each([
  ['rebuild', { kind: 'deb', recipe: 'f'.repeat(64) }],
  ['attest', { kind: 'manifest', publication: 'f'.repeat(64) }],
  ['diff', { kind: 'diff', report: 'f'.repeat(64), official: '0'.repeat(64) }],
  ['report', { kind: 'results' }],
  ['upload', { kind: 'publication', publication: 'f'.repeat(64) }],
] as const)('for the queue %s', (queue, payload) => {
  describeParser({
    what: 'the payload',
    parse: (untrusted) => parsePayload(queue, untrusted),
    valid: fc.constant(payload),
  });

  it('a payload of another queue is none', () => {
    for (const other of queues.filter((name) => name !== queue)) {
      expect(() => parsePayload(other, payload)).toThrow(`job of queue ${other}`);
    }
  });
});

describe('an argument', () => {
  it('is a queue, and nothing that an object merely inherits', () => {
    for (const queue of queues) expect(lease.parseArgument(queue)).toBe(queue);
    for (const wrong of ['', 'Get', 'get ', '__proto__', 'constructor', 'toString', 'x'.repeat(70_000)]) {
      expect(() => lease.parseArgument(wrong)).toThrow(
        expect.objectContaining({ name: 'ContractError', code: 'argument' }),
      );
    }
  });
});
