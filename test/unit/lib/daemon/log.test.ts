import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { escapeText, type LogFields, type LogOptions, openLog } from '../../../../daemons/lib/daemon/log.ts';
import { spawnProgram } from '../../../../daemons/lib/daemon/program.ts';
import { type BundledProgram, bundleProgram } from '../../../support/program.ts';
import { textsUpTo } from '../../../support/texts.ts';

function lines(options: Partial<LogOptions>, say: (log: ReturnType<typeof openLog>) => void): string[] {
  const written: string[] = [];
  say(openLog('getter', { style: 'journal', write: (line) => written.push(line), ...options }));
  return written;
}

const lineOf = (event: string, fields?: LogFields) => lines({}, (log) => log.info(event, fields))[0] ?? '';
const anyText = fc.oneof(
  textsUpTo(40),
  fc.string({ unit: fc.constantFrom('"', '\\', '=', ' ', '\n', '\u001b', '\u202e', '\ud800', 'a') }),
);

describe('a line of the log', () => {
  it('begins with the priority that sd-daemon(3) gives its severity', () => {
    const written = lines({ level: 'debug' }, (log) => {
      log.debug('a');
      log.info('a');
      log.notice('a');
      log.warning('a');
      log.error('a');
    });
    expect(written).toEqual(['<7>a\n', '<6>a\n', '<5>a\n', '<4>a\n', '<3>a\n']);
  });

  it('of debugging is written only where it is asked for', () => {
    expect(lines({}, (log) => log.debug('a'))).toEqual([]);
  });

  it('begins with time, severity and role where people read it themselves', () => {
    const [line] = lines({ style: 'plain' }, (log) => log.notice('reading', { job: 'x' }));
    expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z notice getter: reading job=x\n$/);
  });

  it('ends with job, package and version, whatever their order, and leaves out what is not known', () => {
    const fields = {
      version: '1:2',
      seconds: 3,
      job: 'abc.deb',
      code: undefined,
      package: 'libcap2',
      zero: 0,
    };
    expect(lineOf('built', fields)).toBe(
      '<6>built seconds=3 zero=0 job=abc.deb package=libcap2 version=1:2\n',
    );
  });

  it('has the fields of its parents, the nearest first', () => {
    const [line] = lines({}, (log) =>
      log.child({ job: 'a', package: 'x' }).child({ package: 'y' }).warning('late', { version: '1' }),
    );
    expect(line).toBe('<4>late job=a package=y version=1\n');
  });

  it('quotes what would look like another field', () => {
    expect(lineOf('failed', { say: 'a job=b "c"', empty: '' })).toBe(
      '<6>failed say="a job=b \\"c\\"" empty=""\n',
    );
  });

  it('is one line without control characters, whatever is said', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, (event, say, job) => {
        const line = lineOf(event, { say, job });
        expect(line).toMatch(/^<6>[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*\n$/u);
        expect(line.match(/ job=/g)?.length).toBeGreaterThanOrEqual(1);
      }),
    );
  });

  it('is cut where a stranger says too much', () => {
    const line = lineOf('\u0000'.repeat(1_000_000), { say: 'x'.repeat(1_000_000) });
    expect(line.length).toBeLessThan(5_000);
    expect(line).toContain('…');
  });
});

describe('escapeText', () => {
  const unescaped = (text: string) =>
    text.replace(/\\(\\|n|t|x[0-9a-f]{2}|u\{[0-9a-f]+\})/g, (_all, what: string) => {
      const named = { '\\': '\\', n: '\n', t: '\t' }[what];
      return named ?? String.fromCodePoint(Number.parseInt(what.replace(/[xu{}]/g, ''), 16));
    });

  it('can be undone, so that no two texts look alike', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const escaped = escapeText(text, 1_000);
        expect(escaped).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(unescaped(escaped)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it('leaves what people write alone', () => {
    expect(escapeText('Größe: 10 € für 日本語 🎉', 100)).toBe('Größe: 10 € für 日本語 🎉');
  });

  it('shows what changes a terminal or the direction of text', () => {
    expect(escapeText('\u001b[31mred\u001b[0m', 100)).toBe('\\x1b[31mred\\x1b[0m');
    expect(escapeText('\u202egnp.exe\u2066', 100)).toBe('\\u{202e}gnp.exe\\u{2066}');
    expect(escapeText('a\r\nb\u2028c\u0085', 100)).toBe('a\\x0d\\nb\\u{2028}c\\x85');
  });

  it('cuts before it escapes, in the middle of a character if need be', () => {
    expect(escapeText('abcdef', 3)).toBe('abc…');
    expect(escapeText('ab🎉', 3)).toBe('ab\\u{d83c}…');
  });
});

describe('the log of a daemon', () => {
  let bundle: BundledProgram;
  let folder: string;
  beforeAll(() => {
    bundle = bundleProgram('test/support/programs/logs.ts');
    folder = mkdtempSync(join(tmpdir(), 'log-'));
  });
  afterAll(() => {
    bundle.remove();
    rmSync(folder, { recursive: true });
  });

  async function saidBy(envOf: (stderr: string) => Record<string, string>): Promise<string[]> {
    const path = join(folder, 'stderr');
    const file = openSync(path, 'w');
    const { dev, ino } = fstatSync(file);
    try {
      const stdio = ['ignore', 'ignore', file] as const;
      await spawnProgram(process.execPath, [bundle.path], { stdio, env: envOf(`${dev}:${ino}`) }).exited;
    } finally {
      closeSync(file);
    }
    return readFileSync(path, 'utf8').trimEnd().split('\n');
  }

  it('has priorities where standard error is the journal, and only there', async () => {
    const journal = ['<6>said', '<5>said', '<4>said', '<3>said'];
    expect(await saidBy((stderr) => ({ JOURNAL_STREAM: stderr }))).toEqual(journal);
    expect(await saidBy(() => ({ LOG_PREFIX: 'journal', LOG_LEVEL: 'debug' }))).toEqual([
      '<7>said',
      ...journal,
    ]);
    for (const line of await saidBy(() => ({ JOURNAL_STREAM: '8:12345' }))) {
      expect(line).toMatch(/^\d{4}-.*Z (info|notice|warning|error) tester: said$/);
    }
  });
});
