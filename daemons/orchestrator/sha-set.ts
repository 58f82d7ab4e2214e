import type { Sha256 } from '../lib/domain/names.ts';

const bytesOfOne = 32;

/** Many sha256 in little memory: 64 bytes each at most, where a Set of strings takes twice that and more. */
export class ShaSet {
  #slots = 1_024;
  #table = Buffer.alloc(this.#slots * bytesOfOne);
  #used = Buffer.alloc(this.#slots);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(sha256: Sha256): void {
    if (this.#size * 2 >= this.#slots) this.#grow();
    if (this.#put(Buffer.from(sha256, 'hex'))) this.#size += 1;
  }

  has(sha256: Sha256): boolean {
    return this.#used[this.#find(Buffer.from(sha256, 'hex'))] === 1;
  }

  /** The slot that holds the hash, or the free one where it would go. A hash is as good as random: no mixing. */
  #find(hash: Buffer): number {
    let slot = hash.readUInt32BE(0) & (this.#slots - 1);
    while (
      this.#used[slot] === 1 &&
      hash.compare(this.#table, slot * bytesOfOne, (slot + 1) * bytesOfOne) !== 0
    ) {
      slot = (slot + 1) & (this.#slots - 1);
    }
    return slot;
  }

  #put(hash: Buffer): boolean {
    const slot = this.#find(hash);
    if (this.#used[slot] === 1) return false;
    hash.copy(this.#table, slot * bytesOfOne);
    this.#used[slot] = 1;
    return true;
  }

  #grow(): void {
    const [table, used, slots] = [this.#table, this.#used, this.#slots];
    this.#slots *= 2;
    this.#table = Buffer.alloc(this.#slots * bytesOfOne);
    this.#used = Buffer.alloc(this.#slots);
    for (let slot = 0; slot < slots; slot += 1) {
      if (used[slot] === 1) this.#put(table.subarray(slot * bytesOfOne, (slot + 1) * bytesOfOne));
    }
  }
}
