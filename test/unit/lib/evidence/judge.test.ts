import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAttestation } from '../../../../daemons/lib/contracts/documents/attestation.ts';
import {
  parseArchitecture,
  parseBinaryName,
  parseDebVersion,
  parsePoolFileName,
  parseSha256,
} from '../../../../daemons/lib/domain/names.ts';
import type { ExpectedFile } from '../../../../daemons/lib/evidence/expected.ts';
import { judge } from '../../../../daemons/lib/evidence/judge.ts';

const hash = (digit: string) => parseSha256(digit.repeat(64));
const name = (text: string) => parsePoolFileName(`${text}_1_amd64.deb`);

function expected(text: string, digit = 'a'): ExpectedFile {
  return {
    name: name(text),
    sha256: hash(digit),
    size: 1,
    package: parseBinaryName(text),
    version: parseDebVersion('1'),
    architecture: parseArchitecture('amd64'),
  };
}
const rebuilt = (...files: readonly (readonly [string, string])[]) =>
  new Map(files.map(([text, digit]) => [name(text), hash(digit)]));
const verdicts = (judged: ReturnType<typeof judge>) => judged.files.map((file) => file.verdict);

describe('judge', () => {
  it('calls a build reproducible when every file that was expected is identical', () => {
    const judged = judge([expected('aa'), expected('bb')], rebuilt(['aa', 'a'], ['bb', 'a']), 'inferred');
    expect(judged).toMatchObject({ verdict: 'reproducible', code: null, say: '2 of 2 files identical' });
    expect(verdicts(judged)).toEqual(['reproducible', 'reproducible']);
  });

  it('judges no file that no index names, and lets it change nothing', () => {
    const judged = judge([expected('aa')], rebuilt(['aa', 'a'], ['aa-dbgsym', 'b']), 'buildinfo');
    expect(judged.verdict).toBe('reproducible');
    expect(judged.files[1]).toEqual({
      name: name('aa-dbgsym'),
      package: null,
      version: null,
      architecture: null,
      officialSha256: null,
      rebuiltSha256: hash('b'),
      verdict: 'not-judged',
    });
  });

  it('calls a different file unreproducible from a true environment, and nothing from one that was inferred', () => {
    const files = [expected('aa'), expected('bb')];
    const out = rebuilt(['aa', 'a'], ['bb', 'b']);
    const known = judge(files, out, 'buildinfo');
    expect(known).toMatchObject({ verdict: 'unreproducible', code: null });
    expect(verdicts(known)).toEqual(['reproducible', 'unreproducible']);
    const inferred = judge(files, out, 'inferred');
    expect(inferred).toMatchObject({ verdict: 'failure', code: 'environment-unknown' });
    expect(inferred.say).toContain('proves nothing');
    expect(verdicts(inferred)).toEqual(['reproducible', 'environment-unknown']);
  });

  it('calls a file that is missing not built, and no build without files reproducible', () => {
    expect(verdicts(judge([expected('aa')], rebuilt(), 'buildinfo'))).toEqual(['not-built']);
    expect(judge([expected('aa')], rebuilt(), 'buildinfo').verdict).toBe('unreproducible');
    expect(judge([], rebuilt(), 'buildinfo').verdict).not.toBe('reproducible');
    expect(judge([], rebuilt(['aa', 'a']), 'inferred').verdict).not.toBe('reproducible');
  });

  it('wants both where two indexes give one name two hashes', () => {
    const judged = judge([expected('aa', 'a'), expected('aa', 'b')], rebuilt(['aa', 'a']), 'buildinfo');
    expect(judged.verdict).toBe('unreproducible');
    expect(verdicts(judged)).toEqual(['reproducible', 'unreproducible']);
  });

  it('is reproducible exactly when all that was expected came out, file by file, and fits an attestation', () => {
    const texts = ['aa', 'bb', 'cc', 'dd', 'ee', 'ff', 'gg', 'hh'];
    const digits = fc.dictionary(fc.constantFrom(...texts), fc.constantFrom('a', 'b'));
    fc.assert(
      fc.property(digits, digits, fc.constantFrom('buildinfo', 'inferred'), (wanted, made, environment) => {
        const files = Object.entries(wanted).map(([text, digit]) => expected(text, digit));
        const judged = judge(files, rebuilt(...Object.entries(made)), environment);
        const all = Object.entries(wanted).every(([text, digit]) => made[text] === digit);
        expect(judged.verdict === 'reproducible').toBe(all && files.length > 0);
        expect(judged.verdict === 'unreproducible').toBe(
          judged.verdict !== 'reproducible' && environment === 'buildinfo',
        );
        for (const file of judged.files) {
          const same = file.officialSha256 !== null && file.officialSha256 === file.rebuiltSha256;
          expect(file.verdict === 'reproducible').toBe(same);
          expect(file.verdict === 'not-judged').toBe(file.officialSha256 === null);
          expect(file.verdict === 'not-built').toBe(file.rebuiltSha256 === null);
        }
        expect(judged.files.map((file) => file.name).sort()).toEqual(
          [...new Set([...Object.keys(wanted), ...Object.keys(made)])].map(name).sort(),
        );
        const attestation = { v: 1, ...judged, environment, selfHosted: false, publish: [], signedBy: [] };
        expect(parseAttestation(attestation)).toEqual(attestation);
      }),
    );
  });
});
