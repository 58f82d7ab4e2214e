import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLines } from '../../../support/processes.ts';
import { type BundledProgram, bundleProgram } from '../../../support/program.ts';

let bundle: BundledProgram;
beforeAll(() => {
  bundle = bundleProgram('test/support/programs/stops.ts');
});
afterAll(() => bundle.remove());

describe('a daemon', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'hears once that %s asks it to stop, and ends as it likes',
    async (name) => {
      const { program, line } = startLines(process.execPath, [bundle.path]);
      expect(await line()).toBe('ready');
      program.kill(name);
      expect(await line()).toBe(`StopError: stopping on ${name}`);
      program.kill('SIGTERM');
      program.kill('SIGINT');
      program.stdin.end();
      expect(await line()).toBe('ended');
      expect(await line()).toBeUndefined();
      expect(await program.exited).toEqual({ code: 0, signal: null });
    },
  );
});
