import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../../daemons/lib/daemon/clock.ts';
import { run } from '../../../daemons/lib/daemon/program.ts';
import { parseLines } from '../../demo/follow.ts';
import { endAgents } from '../../demo/keys.ts';
import { type DemoLine, startDemoLine } from '../../demo/line.ts';
import { BesideMirror, officialLine, plainRules } from '../../support/beside-mirror.ts';
import { type Sshd, startSshd } from '../../support/sshd.ts';

type Result = Readonly<{ source: string; state: string; code: string | null; say: string }>;

let folder: string;
let beside: BesideMirror;
let sshd: Sshd;
let line: DemoLine;

/** A line whose disposables have room for an environment and little more. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'full-disk-'));
  await run('chmod', ['711', folder], { timeoutMs: 10_000 });
  for (const name of ['sshd', 'mirror', 'line', 'cache']) await mkdir(join(folder, name));
  beside = await BesideMirror.open();
  const recipe = ['i=0; while head -c 20M /dev/zero > "part-$i"; do i=$((i+1)); done', 'echo full; exit 1'];
  const files = { 'debian/rules': plainRules(['filling'], recipe) };
  const binaries = [{ package: 'filling', architecture: 'all' }];
  beside.archive.addSource({ source: 'filling', version: '1.0', binaries, files });
  beside.archive.addBinary({ package: 'filling', version: '1.0', architecture: 'all' });
  beside.archive.publish();
  sshd = await startSshd(join(folder, 'sshd'));
  line = await startDemoLine({
    folder: join(folder, 'line'),
    cache: join(folder, 'cache'),
    mirror: { sshd, basedir: join(folder, 'mirror') },
    settings: [
      'keep-bases = no',
      `archive-keyring = ${beside.archive.keyring}`,
      `mirror = ${beside.archive.line()}`,
      `    ${officialLine(beside.mirror)}`,
    ].join('\n'),
    args: ['--disposable-scratch-mib', '1400'],
  });
});
afterAll(async () => {
  await line?.stop();
  await sshd?.stop();
  await endAgents(join(folder, 'line/state/vault/gnupg'));
  beside?.remove();
  await rm(folder, { recursive: true, force: true });
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
