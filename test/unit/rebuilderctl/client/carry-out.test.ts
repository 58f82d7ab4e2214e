import { spawnSync } from 'node:child_process';
import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { carryOut, sweep } from '../../../../daemons/rebuilderctl/client/carry-out.ts';
import { readManifest } from '../../../../daemons/rebuilderctl/client/manifest.ts';
import { Root } from '../../../../daemons/rebuilderctl/client/root.ts';
import { bundleProgram } from '../../../support/program.ts';
import { planSmall, removeSmall } from '../../../support/small-installation.ts';
import { VerifiersMachine } from '../../../support/verifiers-machine.ts';

let machine: VerifiersMachine;
let root: Root;
/** The machine without and with the installation. */
let without: ReturnType<VerifiersMachine['tree']>;
let installed: typeof without;

beforeEach(async () => {
  machine = new VerifiersMachine({
    files: { '/etc/apt/sources.list.d/more.sources': 'Types: deb\nURIs: http://m.example\nSuites: x/\n' },
  });
  chmodSync(join(machine.root, 'etc/apt/sources.list'), 0o640);
  root = await Root.open(machine.root);
  without = machine.tree();
  await install();
  installed = machine.tree();
  await removeSmall(root);
});
afterEach(() => machine.remove());

const url = 'http://first.example';

async function install(onStep?: () => void, rebuilder = url): Promise<void> {
  await carryOut(root, await planSmall(root, rebuilder), onStep);
}

/** From that step on, as after a kill, nothing has any effect. Whether it came so far. */
async function stopped(act: (onStep: () => void) => Promise<void>, at: number): Promise<boolean> {
  const dead = new Error('dead');
  let step = 0;
  try {
    await act(() => {
      if (step++ >= at) throw dead;
    });
    return false;
  } catch (error) {
    if (error === dead || (error as Error).cause === dead) return true;
    throw error;
  }
}

/** As `client remove` does, whatever is left. */
async function takeAway(): Promise<void> {
  if ((await readManifest(root)) === undefined) await sweep(root);
  else await removeSmall(root);
}

describe('an installation', () => {
  it('changes nothing when it is there, and is gone without a trace when it is removed', async () => {
    expect(installed).not.toEqual(without);
    expect(machine.tree()).toEqual(without);
    await install();
    await install();
    expect(machine.tree()).toEqual(installed);
  });

  it('shows nobody in its record what only some could read before', async () => {
    const mode = () =>
      statSync(join(machine.root, 'var/lib/package-rebuilder-client/installed.json')).mode & 0o777;
    await install();
    expect(mode()).toBe(0o600);
    await removeSmall(root);
    chmodSync(join(machine.root, 'etc/apt/sources.list'), 0o644);
    await install();
    expect(mode()).toBe(0o644);
  });

  it('that stops before any step is finished by the next run, or taken back', async () => {
    let at = 0;
    for (; await stopped(install, at); at++) {
      await takeAway();
      expect(machine.tree(), `taken back after step ${at}`).toEqual(without);
      await stopped(install, at);
      await install();
      expect(machine.tree(), `finished after step ${at}`).toEqual(installed);
      await takeAway();
    }
    expect(at).toBeGreaterThan(8);
  });

  it('keeps what was there before the first one, however many others were broken off after it', async () => {
    await install();
    for (const [at, other] of ['http://b.example', 'http://c.example', 'http://d.example'].entries()) {
      expect(await stopped((onStep) => install(onStep, other), at + 3)).toBe(true);
      expect((await readManifest(root))?.complete).toBe(false);
    }
    await takeAway();
    expect(machine.tree()).toEqual(without);
  });

  it('takes back what it had done when a step fails', async () => {
    await install();
    let step = 0;
    const failingAt = (at: number) => () => {
      if (step++ === at) throw new Error('no space left');
    };
    for (let at = 0; at < 6; at++) {
      step = 0;
      await expect(install(failingAt(at), 'http://b.example')).rejects.toThrow('no space left');
      expect(machine.tree(), `failed at step ${at}`).toEqual(installed);
    }
    await removeSmall(root);
    for (let at = 0; at < 10; at++) {
      step = 0;
      await expect(install(failingAt(at))).rejects.toThrow('no space left');
      expect(machine.tree(), `failed at step ${at}`).toEqual(without);
    }
  });

  it('leaves the record of another one alone that has begun meanwhile', async () => {
    const other = await planSmall(root, 'http://b.example');
    await stopped(install, 5);
    const begun = machine.tree();
    await expect(carryOut(root, other)).rejects.toThrow('is there already');
    expect(machine.tree()).toEqual(begun);
  });

  it('that is killed with -9 leaves what the next run finishes, and no half file', async () => {
    const installer = bundleProgram('test/support/programs/installs.ts');
    const run = (...args: readonly string[]) =>
      spawnSync(process.execPath, [installer.path, machine.root, ...args]);
    for (const at of ['1', '6']) {
      expect(run(at, url).signal).toBe('SIGKILL');
      machine.write(`/etc/apt/sources.list.${crypto.randomUUID()}.tmp`, 'half');
      expect(run('-1', url).status).toBe(0);
      expect(machine.tree(), `finished after step ${at}`).toEqual(installed);
      expect(run(at).signal).toBe('SIGKILL');
      expect(run('-1').status).toBe(0);
      expect(machine.tree()).toEqual(without);
    }
    installer.remove();
  });
});

describe('a removal', () => {
  it('that stops before any step is finished by the next run', async () => {
    let at = 0;
    for (await install(); await stopped((onStep) => removeSmall(root, onStep), at); at++) {
      await takeAway();
      expect(machine.tree(), `finished after step ${at}`).toEqual(without);
      await install();
    }
    expect(at).toBeGreaterThan(8);
  });
});
