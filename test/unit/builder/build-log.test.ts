import { describe, expect, it } from 'vitest';
import { BuildLog } from '../../../daemons/builder/build-log.ts';

async function read(log: BuildLog): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of log.object().bytes()) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the log of a build', () => {
  it('comes out while the build still writes', async () => {
    const log = new BuildLog(1_000);
    const bytes = log.object().bytes()[Symbol.asyncIterator]();
    await log.write(Buffer.from('first\n'));
    expect(String((await bytes.next()).value)).toBe('first\n');
    const second = bytes.next();
    await log.say('a word of ours');
    expect(String((await second).value)).toBe('rebuilder: a word of ours\n');
    log.end();
    expect((await bytes.next()).done).toBe(true);
  });

  it('is cut at its cap, says so, and takes the rest without keeping it', async () => {
    const log = new BuildLog(10);
    for (let line = 0; line < 100; line++) await log.write(Buffer.from('0123456'));
    log.end();
    expect(await read(log)).toBe(
      '0123456012\nrebuilder: 10 bytes of log are the limit: the rest is dropped\n',
    );
  });

  it('is flooded when many times its cap was written', async () => {
    const log = new BuildLog(10);
    await log.write(Buffer.alloc(160));
    expect(log.flooded).toBe(false);
    await log.write(Buffer.alloc(1));
    expect(log.flooded).toBe(true);
  });

  it('holds the build up while nobody takes it, and lets it go at the end', async () => {
    const log = new BuildLog(10 * 1_048_576);
    let written = false;
    const writing = log.write(Buffer.alloc(1_048_577)).then(() => {
      written = true;
    });
    await settled();
    expect(written).toBe(false);
    log.end();
    await writing;
    await log.write(Buffer.from('too late'));
    expect(await read(log)).toHaveLength(1_048_577);
  });
});
