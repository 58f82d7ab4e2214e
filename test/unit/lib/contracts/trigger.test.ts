import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxBuildinfos, trigger } from '../../../../daemons/lib/contracts/trigger.ts';
import { counts, dists, jobIds, some, sourceNames, versions } from '../../../support/contract-values.ts';
import { describeParser } from '../../../support/parser-laws.ts';

describeParser({
  what: 'a request to read archives',
  parse: (untrusted) => trigger.parseRequest(untrusted, 'get'),
  valid: fc.record({ v: fc.constant(1), kind: fc.constant('get'), dist: dists }),
  optional: ['v', 'kind', 'dist'],
});

describeParser({
  what: 'a request to rebuild a package',
  parse: (untrusted) => trigger.parseRequest(untrusted, 'rebuild'),
  valid: fc.record({
    v: fc.constant(1),
    kind: fc.constant('rebuild'),
    dists: some(dists),
    source: sourceNames,
    version: versions,
    objects: fc.constantFrom(1, maxBuildinfos),
  }),
  optional: ['v', 'kind', 'version', 'objects'],
  lists: { dists: 20 },
});

describe.each(['report', 'upload'] as const)('for %s', (queue) => {
  describeParser({
    what: 'a request',
    parse: (untrusted) => trigger.parseRequest(untrusted, queue),
    valid: fc.constant({ v: 1, kind: queue }),
    optional: ['v', 'kind'],
  });
});

describeParser({
  what: 'a reply to a trigger',
  parse: (untrusted) => trigger.parseReply(untrusted, 'get'),
  valid: fc.record({ v: fc.constant(1), ok: fc.constant(true), submitted: counts, jobs: some(jobIds) }),
  lists: { jobs: 500 },
});

describe('an empty request', () => {
  it('asks for everything, but for a rebuild, which needs a package', () => {
    for (const queue of ['get', 'report', 'upload'] as const) {
      expect(trigger.parseRequest({}, queue)).toEqual({ v: 1, kind: queue });
    }
    expect(() => trigger.parseRequest({}, 'rebuild')).toThrow('dists');
  });

  it('cannot be typed for another queue', () => {
    for (const queue of ['rebuild', 'attest', 'diff', '']) {
      if (queue === 'rebuild') expect(trigger.parseArgument(queue)).toBe(queue);
      else expect(() => trigger.parseArgument(queue)).toThrow('expected one of get, rebuild, report, upload');
    }
  });
});
