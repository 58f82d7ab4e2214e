import { describe, expect, it } from 'vitest';
import { exitCodeOf, failed, summarize } from '../../../../daemons/rebuilderctl/rebuild/summary.ts';
import { resultRow } from '../../reporter/rows.ts';

const asked = { source: 'libcap2', version: null, environment: 'inferred' } as const;
const good = resultRow({ parts: ['any'] });
const different = resultRow({
  parts: ['all'],
  version: '1:2.66-4+deb12u3',
  state: 'unreproducible',
  verdict: 'unreproducible',
  environment: 'buildinfo',
  files: [
    {
      ...good.files[0],
      name: 'libcap2-doc_2.66_all.deb',
      rebuiltSha256: 'c'.repeat(64),
      verdict: 'unreproducible',
    },
  ],
  seconds: { get: 0.5, inputs: null, environment: 1.25, build: 2, attest: null },
});
const broken = resultRow({
  parts: ['all'],
  state: 'failure',
  verdict: 'failure',
  code: 'build-failed',
  files: [],
  seconds: { get: null, inputs: null, environment: null, build: null, attest: null },
});

describe('summarize', () => {
  it('tells one build as it is', () => {
    expect(summarize(asked, [good])).toEqual({
      source: 'libcap2',
      version: '1:2.66-4+deb12u3',
      environment: 'inferred',
      verdict: 'reproducible',
      code: null,
      files: [
        {
          name: 'libcap2_2.66-4+deb12u3+b1_amd64.deb',
          officialSha256: 'a'.repeat(64),
          rebuiltSha256: 'a'.repeat(64),
          verdict: 'reproducible',
        },
      ],
      seconds: { get: 1, inputs: 2, environment: 3, build: 4, attest: 5 },
    });
  });

  it('lets the worse of two builds count, joins files, sums seconds', () => {
    for (const rows of [
      [good, different],
      [different, good],
    ]) {
      const summary = summarize(asked, rows);
      expect(summary).toMatchObject({ verdict: 'unreproducible', code: null, environment: 'buildinfo' });
      expect(summary.files).toHaveLength(2);
      expect(summary.seconds).toEqual({ get: 1.5, inputs: 2, environment: 4.25, build: 6, attest: 5 });
    }
    expect(summarize(asked, [good, different, broken])).toMatchObject({
      verdict: 'failure',
      code: 'build-failed',
    });
  });

  it('repeats the version that was asked for', () => {
    const version = '1:2.66-4+deb12u3+b1';
    expect(summarize({ ...asked, version }, [good]).version).toBe(version);
  });

  it('knows no seconds where none were spent', () => {
    expect(summarize(asked, [broken]).seconds.build).toBeNull();
  });

  it('calls a build without a verdict, and no build at all, a failure', () => {
    expect(summarize(asked, [resultRow({ state: 'running', verdict: null })])).toMatchObject({
      verdict: 'failure',
      code: 'protocol',
    });
    expect(summarize(asked, [])).toEqual(failed(asked, 'source-missing'));
  });
});

describe('exitCodeOf', () => {
  it('is 0, 1 or 2 by verdict', () => {
    expect([good, different, broken].map((row) => exitCodeOf(summarize(asked, [row])))).toEqual([0, 1, 2]);
  });
});
