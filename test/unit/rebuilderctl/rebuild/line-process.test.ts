import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../daemons/lib/daemon/clock.ts';
import { LineFailure, startLine } from '../../../../daemons/rebuilderctl/rebuild/line-process.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'line-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** Starts a script in the line's place. */
async function start(script: string, stop = new AbortController().signal) {
  const program = join(dir, 'line.mjs');
  await writeFile(program, script);
  return startLine({
    program,
    dir,
    config: join(dir, 'c'),
    cache: join(dir, 'k'),
    stopMs: 15_000,
    clock: systemClock,
    stop,
  });
}

const ready = `process.stdout.write(JSON.stringify({ ready: true, adminSocket: '/run/admin' }) + '\\n');`;
const untilEnd = `process.stdin.on('end', () => process.exit(0)).resume();`;

describe('startLine', () => {
  it('hands over the socket, passes what it needs, and ends when stopped', async () => {
    const line = await start(
      `import { writeFileSync } from 'node:fs';
       writeFileSync(${JSON.stringify(join(dir, 'args'))}, process.argv.slice(2).join(' '));
       process.on('SIGTERM', () => process.exit(0));
       ${ready} ${untilEnd}`,
    );
    expect(line.adminSocket).toBe('/run/admin');
    expect(line.ended.aborted).toBe(false);
    await line.stop();
    expect(line.ended.aborted).toBe(true);
    const args = await readFile(join(dir, 'args'), 'utf8');
    expect(args).toContain(`--dir ${dir} --config ${join(dir, 'c')} --cache ${join(dir, 'k')}`);
    expect(args).toContain('--without reporter,uploader --make-key');
    expect(args).toContain('--grace-seconds 15');
    await line.stop();
  });

  it('fails with what the line said last', async () => {
    await expect(
      start(
        `process.stderr.write('starting\\nuser rebuilder-getter is missing: run make setup\\n'); process.exit(1);`,
      ),
    ).rejects.toThrow('the line ended: user rebuilder-getter is missing: run make setup');
  });

  it('fails when it says something else', async () => {
    await expect(start(`console.log('hello'); ${untilEnd}`)).rejects.toThrow(LineFailure);
  });

  it('tells later when the line ends by itself', async () => {
    const line = await start(
      `${ready} setTimeout(() => { process.stderr.write('getter died\\n'); process.exit(3); }, 50);`,
    );
    if (!line.ended.aborted) {
      await new Promise((resolve) => line.ended.addEventListener('abort', resolve, { once: true }));
    }
    expect(line.ended.reason).toEqual(new LineFailure('the line ended: getter died'));
  });

  it('ends the line when it is stopped while starting', async () => {
    const stop = new AbortController();
    const starting = start(untilEnd, stop.signal);
    stop.abort(new Error('Ctrl-C'));
    await expect(starting).rejects.toThrow('Ctrl-C');
  });
});
