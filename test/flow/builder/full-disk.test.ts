import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../../daemons/lib/daemon/clock.ts';
import { parseLines } from '../../demo/follow.ts';
import { BesideMirror, officialLine, plainRules, suite } from '../../support/beside-mirror.ts';
import { openRealLine, type RealLine } from '../../support/real-line.ts';

type Result = Readonly<{ source: string; state: string; code: string | null; say: string }>;

let beside: BesideMirror;
let line: RealLine;

/** A line whose disposables have room for an environment and little more. */
beforeAll(async () => {
  beside = await BesideMirror.open();
  const recipe = ['i=0; while head -c 20M /dev/zero > "part-$i"; do i=$((i+1)); done', 'echo full; exit 1'];
  const files = { 'debian/rules': plainRules(['filling'], recipe) };
  const binaries = [{ package: 'filling', architecture: 'all' }];
  beside.archive.addSource({ source: 'filling', version: '1.0', binaries, files });
  beside.archive.addBinary({ package: 'filling', version: '1.0', architecture: 'all' });
  beside.archive.publish();
  line = await openRealLine({
    settings: [
      'keep-bases = no',
      `archive-keyring = ${suite}=${beside.archive.keyring}`,
      `mirror = ${beside.archive.line()}`,
      `    ${officialLine(beside.mirror)}`,
    ].join('\n'),
    args: ['--disposable-scratch-mib', '1400'],
  });
});
afterAll(async () => {
  await line?.close();
  beside?.remove();
});

describe('a build that fills its disk', () => {
  it('is too-large, and says so; its log is kept', async () => {
    await line.ctl('trigger', 'rebuild', 'filling', 'bookworm.all');
    let result: Result | undefined;
    while (result === undefined || !['retry', 'failure'].includes(result.state)) {
      await clock.sleep(1_000);
      [result] = parseLines<Result>(await line.ctl('results', '--json'));
    }
    expect(result).toMatchObject({ code: 'too-large', say: 'the build filled its disk and failed' });
    const [job] = parseLines<{ id: string }>(await line.ctl('jobs', '--json')).filter(({ id }) =>
      id.endsWith('.rebuild'),
    );
    expect(await line.ctl('log', job?.id ?? '')).toContain('No space left on device');
  });
});
