import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sign } from '../../../../daemons/lib/contracts/sign.ts';
import { systemClock } from '../../../../daemons/lib/daemon/clock.ts';
import { type SpawnedProgram, spawnProgram } from '../../../../daemons/lib/daemon/program.ts';
import { bufferObject } from '../../../../daemons/lib/wire/frame.ts';
import { type BundledProgram, bundleProgram } from '../../../support/program.ts';
import { bytesOf, exampleManifest } from '../../../support/sign-documents.ts';
import { socketCaller } from '../../../support/socket-caller.ts';

let bundle: BundledProgram;
let folder: string;
let running: SpawnedProgram | undefined;
const at = (name: string) => join(folder, name);
beforeAll(() => {
  bundle = bundleProgram('daemons/vault/main.ts');
});
afterAll(() => bundle.remove());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'killed-vault-'));
  mkdirSync(at('run'));
  writeFileSync(at('rebuilder.conf'), '[common]\nsign-rate = 100000\n');
});
afterEach(async () => {
  running?.kill('SIGKILL');
  await running?.exited;
  rmSync(folder, { recursive: true });
});

/** The daemon as it is, from its start until it answers. */
async function startVault(): Promise<SpawnedProgram> {
  rmSync(at('run/door.sock'), { force: true });
  const vault = spawnProgram(process.execPath, [bundle.path], {
    env: {
      STATE_DIRECTORY: at('state'),
      RUNTIME_DIRECTORY: at('run'),
      PACKAGE_REBUILDER_CONF: at('rebuilder.conf'),
    },
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  running = vault;
  await expect.poll(() => answers(at('run/door.sock')), { timeout: 15_000 }).toBe(true);
  return vault;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function ask(document: Uint8Array): Promise<string | undefined> {
  const caller = socketCaller(at('run/door.sock'), 'work-attester');
  const { reply, done } = await caller.call(sign, 'manifest', {}, { objects: [bufferObject(document)] });
  await done();
  return reply.signatures[0];
}

const sha256Of = (document: Uint8Array) => createHash('sha256').update(document).digest('hex');

describe('a vault whose process was killed with -9', () => {
  it('has counted and written down, whenever that was, all that it signed', async () => {
    const signed = new Map<number, string | undefined>();
    let counter = 0;
    // It dies so many milliseconds after it has begun so many signatures.
    for (const [begun, lifeMs] of [
      [1, 3],
      [1, 10],
      [2, 5],
      [3, 25],
      [4, 60],
    ] as const) {
      const vault = await startVault();
      const first = counter;
      let dies: Promise<void> | undefined;
      for (let alive = true; alive; ) {
        counter += 1;
        if (counter === first + begun) {
          dies = systemClock.sleep(lifeMs).then(() => vault.kill('SIGKILL'));
        }
        try {
          signed.set(counter, await ask(bytesOf(exampleManifest(counter))));
        } catch {
          alive = false;
        }
      }
      await dies;
      expect(await vault.exited).toEqual({ code: null, signal: 'SIGKILL' });

      const again = await startVault();
      const text = existsSync(at('state/signatures.log'))
        ? readFileSync(at('state/signatures.log'), 'utf8')
        : '';
      expect(text.endsWith('\n') || text === '').toBe(true);
      for (const number of signed.keys()) {
        const line = ` subject=debian#${number} sha256=${sha256Of(bytesOf(exampleManifest(number)))} `;
        expect(text.split('\n').some((one) => one.includes(line) && one.endsWith(' for=work-attester'))).toBe(
          true,
        );
      }
      const last = Math.max(0, ...signed.keys());
      if (last > 0)
        await expect(ask(bytesOf(exampleManifest(last, 'debian', 'other')))).rejects.toMatchObject({
          code: 'refused',
        });
      // What was asked when it died may have been counted: the very same document is signed, whether it was or not.
      const lost = await ask(bytesOf(exampleManifest(counter)));
      expect(await ask(bytesOf(exampleManifest(counter)))).toBe(lost);
      signed.set(counter, lost);
      again.kill('SIGKILL');
      await again.exited;
    }
    expect(signed.size).toBe(counter);
    expect(counter).toBeGreaterThan(5);
  }, 60_000);
});
