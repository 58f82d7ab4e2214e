import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, openSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { directClient, program } from '../../support/direct-qrexec.ts';

const size = 4 * 2 ** 30;
/** `head -c 4294967296 /dev/zero | sha256sum` */
const sha256OfZeros = '8479e43911dc45e89f934fe48d01297e16f51d17aa561d4d1c216b1ae0fcddca';
const maxPeakKiB = 128 * 1_024;

let folder: string;
let file: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'big-'));
  file = join(folder, 'zeros');
  openSync(file, 'w');
  truncateSync(file, size);
  await build({
    entryPoints: ['test/support/wire/big-door.ts', 'test/support/wire/big-caller.ts'],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: {
      js: "import { createRequire as createRequireOfTest } from 'node:module'; const require = createRequireOfTest(import.meta.url);",
    },
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

function node(script: string, ...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [join(folder, script), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) text += chunk;
  return text;
}

async function callThrough(client: string) {
  const caller = node('big-caller.mjs', client, file);
  const [out, errors] = await Promise.all([textOf(caller.stdout), textOf(caller.stderr)]);
  expect(errors).toBe('');
  return JSON.parse(out) as { received: number; sha256: string; peak: number };
}

describe('an object of 4 GiB', () => {
  it('passes a socket service both ways, neither side ever holding 128 MiB', async () => {
    const socket = join(folder, 'door.sock');
    const door = node('big-door.mjs', file, socket);
    try {
      const said = textOf(door.stderr);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      const seen = await callThrough(directClient(folder, socket, 'work'));
      expect(seen).toMatchObject({ received: size, sha256: sha256OfZeros });
      expect(seen.peak).toBeLessThan(maxPeakKiB);
      await new Promise((resolve) => setTimeout(resolve, 300));
      door.kill('SIGTERM');
      const peak = Number(/peak (\d+)/.exec(await said)?.[1]);
      expect(peak).toBeGreaterThan(0);
      expect(peak).toBeLessThan(maxPeakKiB);
    } finally {
      door.kill('SIGKILL');
    }
  });

  it('passes an executable service both ways, neither side ever holding 128 MiB', async () => {
    const peaks = join(folder, 'peaks');
    const door = join(folder, 'big-door.mjs');
    const client = program(
      folder,
      `#!/bin/sh\nexec '${process.execPath}' '${door}' '${file}' 2>'${peaks}'\n`,
    );
    const seen = await callThrough(client);
    expect(seen).toMatchObject({ received: size, sha256: sha256OfZeros });
    expect(seen.peak).toBeLessThan(maxPeakKiB);
    const { readFileSync } = await import('node:fs');
    const peak = Number(/peak (\d+)/.exec(readFileSync(peaks, 'utf8'))?.[1]);
    expect(peak).toBeGreaterThan(0);
    expect(peak).toBeLessThan(maxPeakKiB);
  });
});
