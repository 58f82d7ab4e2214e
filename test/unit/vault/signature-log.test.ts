import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SignatureLog } from '../../../daemons/vault/signature-log.ts';

describe('the log of signatures', () => {
  let state: string;
  let log: SignatureLog;
  const path = () => join(state, 'signatures.log');
  const text = () => readFileSync(path(), 'utf8');
  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), 'signature-log-'));
    log = new SignatureLog(state);
  });
  afterEach(() => rmSync(state, { recursive: true }));

  it('has one line a signature, for its owner alone', async () => {
    const line = await log.add(0, {
      kind: 'manifest',
      subject: 'debian#1',
      for: 'work-attester',
    });
    expect(line).toBe('1970-01-01T00:00:00.000Z signed kind=manifest subject=debian#1 for=work-attester\n');
    await log.add(1_000, { bytes: 7 });
    expect(text()).toBe(`${line}1970-01-01T00:00:01.000Z signed bytes=7\n`);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  it('keeps every line of signatures that are made at the same time', async () => {
    const lines = await Promise.all(Array.from({ length: 40 }, (_, number) => log.add(0, { number })));
    expect(
      text()
        .split(/(?<=\n)/)
        .sort(),
    ).toEqual([...lines].sort());
  });

  it('has one line and one word a fact, whatever the fact', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 40 }), async (fact) => {
        rmSync(path(), { force: true });
        await log.add(0, { fact, end: 1 });
        expect(text()).toMatch(/^1970-01-01T00:00:00.000Z signed fact=\S* end=1\n$/u);
      }),
      { numRuns: 60 },
    );
  });

  it('cut short anywhere keeps every whole line, and what was cut is marked, once', async () => {
    const whole = await log.add(0, { number: 1 });
    const second = await log.add(0, { number: 2 });
    for (let length = 1; length < second.length; length++) {
      writeFileSync(path(), whole + second.slice(0, length));
      expect(await log.mend()).toBe(true);
      expect(await log.mend()).toBe(false);
      expect(text()).toBe(`${whole}${second.slice(0, length)} (torn)\n`);
    }
  });

  it('is mended by the next signature, too, which may be of another process', async () => {
    const whole = await log.add(0, { number: 1 });
    writeFileSync(path(), `${whole}1970-01`);
    const next = await new SignatureLog(state).add(0, { number: 2 });
    expect(text()).toBe(`${whole}1970-01 (torn)\n${next}`);
  });

  it('that is whole, or not there, is left as it is', async () => {
    expect(await log.mend()).toBe(false);
    expect(text()).toBe('');
    const whole = await log.add(0, { number: 1 });
    expect(await log.mend()).toBe(false);
    expect(text()).toBe(whole);
  });
});
