import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';

it('ends without a word when nobody reads its answer any more', async () => {
  const command = spawn(resolve('build/bin/rebuilderctl'), ['client', 'install', '--help'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  command.stdout.destroy();
  let said = '';
  command.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  expect(await once(command, 'close')).toEqual([0, null]);
  expect(said).toBe('');
});
