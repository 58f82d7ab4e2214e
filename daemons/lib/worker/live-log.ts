/** Of a log that nobody takes, so much is kept; the whole log is an object of the outcome anyway. */
export const maxUnsentLog = 16 * 1_048_576;

const cutHere = Buffer.from('\n[the live log is cut here]\n');

/** The part of a live log that the orchestrator does not have yet, by offset, so that it can be sent again. */
export class LiveLog {
  #chunks: Buffer[] = [];
  #offset = 0;
  #length = 0;
  #cut = false;

  append(chunk: Uint8Array): void {
    if (this.#cut || chunk.length === 0) return;
    this.#cut = this.#length + chunk.length > maxUnsentLog;
    const kept = this.#cut ? cutHere : Buffer.from(chunk);
    this.#chunks.push(kept);
    this.#length += kept.length;
  }

  get unsent(): number {
    return this.#length;
  }

  /** The next bytes to send, at most `max`; undefined when there are none. */
  next(max: number): Readonly<{ offset: number; bytes: Buffer }> | undefined {
    if (this.#length === 0) return undefined;
    const all = this.#chunks.length === 1 ? this.#chunks[0] : undefined;
    const bytes = all ?? Buffer.concat(this.#chunks, this.#length);
    this.#chunks = [bytes];
    return { offset: this.#offset, bytes: bytes.subarray(0, max) };
  }

  /** The orchestrator has everything before `offset`. */
  sent(offset: number): void {
    let left = offset - this.#offset;
    if (left <= 0) return;
    this.#offset = offset;
    this.#length -= left;
    while (left > 0) {
      const first = this.#chunks.shift();
      if (first === undefined) return;
      if (first.length > left) this.#chunks.unshift(first.subarray(left));
      left -= Math.min(first.length, left);
    }
  }
}
