import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PolicyError } from '../../../../daemons/standalone/policy/errors.ts';
import { policyOf } from '../../../../daemons/standalone/policy/watch.ts';
import { inShort, system } from './qubes.ts';

let root: string;
let told: string[];
/** Ahead of the files' own time stamps once it is moved on. */
let now: number;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'policy-'));
  mkdirSync(join(root, 'policy.d/include'), { recursive: true });
  told = [];
  now = Date.now();
});
afterEach(() => rmSync(root, { recursive: true }));

const put = (name: string, text: string) => writeFileSync(join(root, 'policy.d', name), text);

function open() {
  const log = {
    notice: (event: string) => void told.push(`notice ${event}`),
    error: (event: string) => void told.push(`error ${event}`),
  };
  return policyOf([join(root, 'policy.d')], { clock: { now: () => now }, log });
}

const request = { service: 'S', argument: '', source: 'a', target: 'b' };

describe('policyOf', () => {
  it('keeps a policy as it is while its files stay', () => {
    put('1.policy', 'S * a b allow');
    const live = open();
    now += 60_000;
    const first = live.current();
    expect(live.current()).toBe(first);
    expect(inShort(live.evaluate(request, system))).toBe('allow b');
  });

  it.each([
    ['a rewritten file of the same length', () => put('1.policy', 'S * a b deny#')],
    ['a new file that comes first', () => put('0.policy', 'S * a b deny')],
    ['a removed file', () => rmSync(join(root, 'policy.d/1.policy'))],
    ['a renamed file', () => renameSync(join(root, 'policy.d/2.policy'), join(root, 'policy.d/0.policy'))],
    ['a changed include', () => put('include/x', 'S * a b deny\n')],
  ])('sees %s at the next call', (_what, change) => {
    put('1.policy', '!include include/x\nS * a b allow');
    put('2.policy', 'S * a b deny');
    put('include/x', '# ');
    const live = open();
    expect(inShort(live.evaluate(request, system))).toBe('allow b');
    now += 60_000;
    expect(inShort(live.evaluate(request, system))).toBe('allow b');
    change();
    expect(inShort(live.evaluate(request, system))).toBe('deny');
  });

  it('sees the second of two changes that leave the same time stamp', () => {
    put('1.policy', 'S * a b allow');
    const live = open();
    for (const verdict of ['deny#', 'allow', 'deny#', 'allow']) {
      put('1.policy', `S * a b ${verdict}`);
      const expected = verdict === 'allow' ? 'allow b' : 'deny';
      expect(inShort(live.evaluate(request, system))).toBe(expected);
    }
  });

  it('denies every call while the policy is broken, and says so once', () => {
    put('1.policy', 'S * a b allow');
    put('2.policy', 'S * a b');
    const live = open();
    const reason = `error loading policy: ${root}/policy.d/2.policy:1: wrong number of fields`;
    expect(live.evaluate(request, system)).toEqual({ action: 'deny', reason, notify: true });
    expect(live.evaluate(request, system)).toMatchObject({ action: 'deny' });
    expect(live.current()).toBeInstanceOf(PolicyError);
    expect(told).toEqual([`error ${reason.replace('policy:', 'policy, every call is denied:')}`]);

    put('2.policy', '# mended');
    expect(inShort(live.evaluate(request, system))).toBe('allow b');
    expect(told).toHaveLength(2);
    expect(told[1]).toMatch(/^notice /);
  });

  it('notices that an include which was missing is there', () => {
    put('1.policy', '!include include/late\n');
    const live = open();
    now += 60_000;
    expect(inShort(live.evaluate(request, system))).toBe('deny');
    put('include/late', 'S * a b allow');
    expect(inShort(live.evaluate(request, system))).toBe('allow b');
  });
});
