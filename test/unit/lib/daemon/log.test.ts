import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LogFields, type LogOptions, openLog } from '../../../../daemons/lib/daemon/log.ts';
import { spawnProgram } from '../../../../daemons/lib/daemon/program.ts';
import { type BundledProgram, bundleProgram } from '../../../support/program.ts';
import { awkwardTexts } from '../../../support/texts.ts';

function lines(options: Partial<LogOptions>, say: (log: ReturnType<typeof openLog>) => void): string[] {
  const written: string[] = [];
  say(openLog('getter', { style: 'journal', write: (line) => written.push(line), ...options }));
  return written;
}

const lineOf = (event: string, fields?: LogFields) => lines({}, (log) => log.info(event, fields))[0] ?? '';

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
      fc.property(awkwardTexts, awkwardTexts, awkwardTexts, (event, say, job) => {
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
