import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  binNmuSuffix,
  buildVersion,
  compareDebVersions,
  satisfies,
} from '../../../../daemons/lib/domain/version.ts';

const samples = join(import.meta.dirname, '../../../../../shared/samples/09-version-vectors');

const vectors = existsSync(samples)
  ? ['apt-compareversion_test.tsv', 'apt-versions.lst.tsv', 'dpkg-Dpkg_Version.t.tsv']
  : [];

const character = fc.constantFrom(...'0123456789abzAZ.+~-:');
const version = fc
  .tuple(
    fc.constantFrom('', '0:', '1:', '12:'),
    fc.constantFrom(...'0129'),
    fc.array(character, { maxLength: 12 }),
  )
  .map(([epoch, first, rest]) =>
    `${epoch}${first}${rest.join('')}`.replace(/(?<=.:.*):/g, '.').replace(/-$/, ''),
  )
  .map((text) => (text.includes(':') && !/^\d+:\d/.test(text) ? text.replaceAll(':', '.') : text));

describe('compareDebVersions', () => {
  it.each([
    ['1.0~rc1', '1.0'],
    ['1.0', '1.0a'],
    ['1.0a', '1.0+b1'],
    ['1.0', '1.0-1'],
    ['1.0-1', '1.0-1+b1'],
    ['1.0-1~bpo', '1.0-1'],
    ['1.0-1+b9', '1.0-1+b10'],
    ['1.0+deb11u1', '1.0+deb11u10'],
    ['2:1', '10:0'],
    ['1~~', '1~~a'],
    ['1~~a', '1~'],
    ['1.99999999999999999998', '1.99999999999999999999'],
    ['9999999999999999999', '10000000000000000000'],
  ])('puts %s before %s', (older, newer) => {
    expect(compareDebVersions(older, newer)).toBeLessThan(0);
    expect(compareDebVersions(newer, older)).toBeGreaterThan(0);
  });

  it('calls equal what dpkg calls equal', () => {
    expect(compareDebVersions('1.0', '1.0-0')).toBe(0);
    expect(compareDebVersions('0:1.09', '1.9')).toBe(0);
  });

  it.each(vectors)('agrees with the vectors of %s', (file) => {
    const rows = readFileSync(join(samples, file), 'utf8').split('\n').filter(Boolean);
    expect(rows.length).toBeGreaterThan(20);
    for (const row of rows) {
      const [a = '', b = '', wanted] = row.split('\t');
      expect(Math.sign(compareDebVersions(a.trim(), b.trim())), row).toBe(Number(wanted));
    }
  });

  it('agrees with dpkg on generated pairs', () => {
    const pairs = fc.sample(fc.tuple(version, version), { numRuns: 300, seed: 7 });
    const script = pairs
      .flatMap(([a, b]) =>
        ['lt', 'eq', 'gt'].map(
          (op) => `dpkg --force-bad-version --compare-versions '${a}' ${op} '${b}' 2>/dev/null && echo ${op}`,
        ),
      )
      .join('\n');
    const answers = execFileSync('sh', [], { input: `${script}\ntrue\n`, encoding: 'utf8' })
      .trim()
      .split('\n');
    expect(answers).toHaveLength(pairs.length);
    const words = ['lt', 'eq', 'gt'];
    for (const [index, [a, b]] of pairs.entries()) {
      expect(words[Math.sign(compareDebVersions(a, b)) + 1], `${a} ${b}`).toBe(answers[index]);
    }
  });

  it('is a total order', () => {
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareDebVersions(a, b))).toBe(-Math.sign(compareDebVersions(b, a)) + 0);
        const [x, y, z] = [a, b, c].sort(compareDebVersions) as [string, string, string];
        expect(compareDebVersions(x, z)).toBeLessThanOrEqual(0);
        expect(compareDebVersions(x, y)).toBeLessThanOrEqual(0);
        expect(compareDebVersions(y, z)).toBeLessThanOrEqual(0);
      }),
    );
  });
});

describe('satisfies', () => {
  it.each([
    ['1.0', '<<', '1.1', true],
    ['1.1', '<<', '1.1', false],
    ['1.1', '<=', '1.1', true],
    ['1.0-0', '=', '1.0', true],
    ['1.1', '>=', '1.1', true],
    ['1.1', '>>', '1.1', false],
    ['1:1', '>>', '2', true],
  ] as const)('%s %s %s is %s', (version, relation, bound, holds) => {
    expect(satisfies(version, relation, bound)).toBe(holds);
  });
});

describe('buildVersion', () => {
  it.each([
    ['1:2.66-4+deb12u3', '1:2.66-4+deb12u3+b1', '1:2.66-4+deb12u3+b1'],
    ['13+deb12u1', '3.11.2-1+deb12u1', '13+deb12u1'],
    ['1.0.16-3', '5.0.13+1.0.16-3+b1', '1.0.16-3+b1'],
    ['1.0-1', '1.0-1', '1.0-1'],
    ['1.0+b1', '2.0+b1', '1.0+b1'],
  ])('source %s, binary %s: %s', (source, binary, build) => {
    expect(buildVersion(source, binary)).toBe(build);
  });

  it('finds a binNMU by its suffix alone', () => {
    expect(binNmuSuffix('1.0-1+b12')).toBe('+b12');
    expect(binNmuSuffix('1.0-1+b12~bpo1')).toBe('');
    expect(binNmuSuffix('1.0-1+b0')).toBe('');
  });
});
