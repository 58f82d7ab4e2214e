import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** So many bytes may have passed before their buffers are given back. */
const sweepEvery = 8 * 1_048_576;

setFlagsFromString('--expose-gc');
const collect: (options: { type: 'minor' }) => void = runInNewContext('gc');
setFlagsFromString('--no-expose-gc');

/**
 * Gives back the buffers of bytes that have passed. Node makes a new one for each piece it reads, and V8, which sees only
 * its own small part of them, would let more than 64 MiB of dead ones stand; a young collection takes a millisecond.
 */
export class DeadBuffers {
  #passed = 0;

  passed(bytes: number): void {
    this.#passed += bytes;
    if (this.#passed < sweepEvery) return;
    this.#passed = 0;
    collect({ type: 'minor' });
  }
}
