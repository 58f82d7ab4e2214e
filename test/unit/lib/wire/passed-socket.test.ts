import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SpawnedProgram, spawnProgram } from '../../../../daemons/lib/daemon/program.ts';
import { type BundledProgram, bundleProgram } from '../../../support/program.ts';

let folder: string;
let bundle: BundledProgram;
let daemon: SpawnedProgram;
const path = (name: string) => join(folder, name);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'passed-'));
  bundle = bundleProgram('test/support/programs/serves.ts');
});
afterEach(async () => {
  daemon.kill('SIGKILL');
  await daemon.exited;
  bundle.remove();
  rmSync(folder, { recursive: true });
});

/** systemd's own program that listens for a daemon and starts it with the first connection. */
async function activate(name: string): Promise<void> {
  const args = ['--listen', path('passed.sock'), '--fdname', name];
  daemon = spawnProgram('systemd-socket-activate', [
    ...args,
    process.execPath,
    bundle.path,
    path('own.sock'),
  ]);
  await expect.poll(() => existsSync(path('passed.sock'))).toBe(true);
}

function call(socket: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const client = connect(socket, () => client.end('rebuilder.Query+status work\0'));
    client.on('data', (chunk) => {
      text += chunk;
    });
    client.on('error', reject);
    client.on('close', () => resolve(text));
  });
}

describe('a door', () => {
  it('answers at the socket that systemd listens at, and makes none of its own', async () => {
    await activate('door');
    expect(await call(path('passed.sock'))).toBe('rebuilder.Query for work\n');
    expect(await call(path('passed.sock'))).toBe('rebuilder.Query for work\n');
    expect(existsSync(path('own.sock'))).toBe(false);
  });

  it('makes its own where what was passed is something else', async () => {
    await activate('other');
    const waker = connect(path('passed.sock'));
    await expect.poll(() => existsSync(path('own.sock'))).toBe(true);
    expect(await call(path('own.sock'))).toBe('rebuilder.Query for work\n');
    waker.destroy();
  });
});
