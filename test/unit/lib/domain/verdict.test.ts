import { describe, expect, it } from 'vitest';
import {
  buildVerdicts,
  failureCodes,
  faultOf,
  faults,
  fileVerdicts,
  isFinal,
  shownStates,
} from '../../../../daemons/lib/domain/verdict.ts';

describe('a failure', () => {
  it('is the fault of the package or ours, whatever its code', () => {
    for (const code of failureCodes) expect(faults, code).toContain(faultOf(code));
    expect(failureCodes.filter((code) => faultOf(code) === 'ours')).toEqual([
      'archive-unreachable',
      'archive-untrusted',
      'sandbox',
      'signing',
      'protocol',
    ]);
  });

  it('is final only where another try would find the same archive', () => {
    expect(failureCodes.filter(isFinal)).toEqual([
      'buildinfo-missing',
      'buildinfo-mismatch',
      'environment-unknown',
    ]);
    for (const code of failureCodes.filter(isFinal)) expect(faultOf(code)).toBe('package');
  });
});

describe('the words for what came out', () => {
  it('are each there once, and a verdict is also what people see', () => {
    for (const words of [failureCodes, fileVerdicts, buildVerdicts, shownStates]) {
      expect(new Set(words).size).toBe(words.length);
      for (const word of words) expect(word).toMatch(/^[a-z]+(?:-[a-z]+)*$/);
    }
    expect(shownStates).toEqual(expect.arrayContaining([...buildVerdicts]));
  });
});
