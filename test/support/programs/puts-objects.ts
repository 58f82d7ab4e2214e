import { systemClock as clock } from '../../../daemons/lib/daemon/clock.ts';
import { ObjectStore } from '../../../daemons/lib/objects/store.ts';

/**
 * `puts-objects FOLDER`: puts objects of 100,000 and of 40,000 bytes into the store there for ever, in turn, each in pieces,
 * and prints the sha256 of each that it was told is kept; `puts-objects FOLDER half` says when most of one is written, and no more.
 */
const [folder = '', half] = process.argv.slice(2);
const store = await ObjectStore.open(folder, { clock });

async function* pieces(number: number): AsyncGenerator<Buffer> {
  for (let piece = 0; piece < 4; piece++) {
    yield Buffer.alloc(number % 2 === 0 ? 25_000 : 10_000, `${number} ${piece} `);
    if (half === undefined || piece < 2) continue;
    process.stdout.write('half\n');
    await clock.sleep(600_000);
  }
}

for (let number = 0; ; number++) {
  const { sha256 } = await store.put(pieces(number), 100_000);
  process.stdout.write(`${sha256}\n`);
}
