import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { query, type View, views } from '../../../../daemons/lib/contracts/query.ts';
import { encodeHeader } from '../../../../daemons/lib/wire/header.ts';
import {
  buildIds,
  dists,
  fingerprints,
  jobIds,
  sha256s,
  sizes,
  some,
  sourceNames,
  texts,
} from '../../../support/contract-values.ts';
import { describeParser } from '../../../support/parser-laws.ts';

const v = fc.constant(1);
const page = { v, cursor: texts, limit: fc.constantFrom(1, 10_000) };

const requests: Readonly<Record<View, fc.Arbitrary<unknown>>> = {
  status: fc.record({ v, format: fc.constantFrom('text', 'json') }),
  jobs: fc.record({
    ...page,
    queue: fc.constantFrom('get', 'diff'),
    state: fc.constantFrom('pending', 'set-aside'),
    build: buildIds,
  }),
  results: fc.record({ ...page, dist: dists, source: sourceNames }),
  result: fc.record({ v, build: buildIds }),
  history: fc.record({ ...page, build: buildIds }),
  signed: fc.record({ ...page, key: fingerprints }),
  log: fc.record({ v, job: jobIds, offset: sizes }),
  metrics: fc.record({ v }),
  object: fc.record({ v, sha256: some(sha256s) }),
  publication: fc.record({ v }),
};

/** What has no default, by view. */
const needed: Partial<Record<View, readonly string[]>> = {
  result: ['build'],
  history: ['build'],
  signed: ['key'],
  log: ['job'],
  object: ['sha256'],
};

describe.each([...views])('for the view %s', (view) => {
  const members = [
    'v',
    'format',
    'cursor',
    'limit',
    'queue',
    'state',
    'build',
    'dist',
    'source',
    'job',
    'offset',
  ];
  describeParser({
    what: 'a request',
    parse: (untrusted) => query.parseRequest(untrusted, view),
    valid: requests[view],
    optional: members.filter((name) => !needed[view]?.includes(name)),
    texts: { cursor: 300 },
    lists: { sha256: 500 },
  });
});

describeParser({
  what: 'a reply with rows',
  parse: (untrusted) => query.parseReply(untrusted, 'jobs'),
  valid: fc.record({
    v,
    ok: fc.constant(true),
    cursor: texts,
    running: fc.boolean(),
    offset: sizes,
    objects: fc.constantFrom(1, 500),
  }),
  optional: ['cursor', 'running', 'offset', 'objects'],
  nullable: ['cursor'],
  texts: { cursor: 300 },
});

describe('an empty request', () => {
  it('reads what needs nothing said, from its beginning', () => {
    expect(query.parseRequest({}, 'status')).toEqual({ v: 1, format: 'text' });
    expect(query.parseRequest({}, 'jobs')).toEqual({ v: 1, limit: 1_000 });
    expect(query.parseRequest({}, 'results')).toEqual({ v: 1, limit: 1_000 });
    for (const view of ['result', 'log', 'object'] as const) {
      expect(() => query.parseRequest({}, view)).toThrow(`rebuilder.Query request: ${needed[view]?.[0]}`);
    }
  });
});

describe('the largest request for objects', () => {
  it('fits into a header', () => {
    const sha256 = Array.from({ length: 500 }, () => 'f'.repeat(64));
    expect(() => encodeHeader(query.parseRequest({ sha256 }, 'object'))).not.toThrow();
  });
});
