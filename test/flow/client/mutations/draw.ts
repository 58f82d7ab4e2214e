import { createHash } from 'node:crypto';
import { VirtualClock } from '../../../../daemons/lib/daemon/clock.ts';

/** What a seed chooses. */
export class Draw {
  readonly #chance: VirtualClock;

  constructor(seed: string) {
    this.#chance = new VirtualClock(createHash('sha256').update(seed).digest().readUInt32BE());
  }

  /** A whole number from 0 on, below `end`. */
  below(end: number): number {
    return Math.floor(this.#chance.random() * end);
  }

  between(from: number, end: number): number {
    return from + this.below(end - from);
  }

  pick<T>(list: readonly T[]): T {
    const picked = list[this.below(list.length)];
    if (picked === undefined) throw new Error('nothing to pick from');
    return picked;
  }

  /** The text with one of `characters` in place of another, somewhere in a part of it. */
  otherCharacter(text: string, characters: string, from = 0, end = text.length): string {
    const at = this.between(from, end);
    const others = [...characters].filter((one) => one !== text[at]);
    return text.slice(0, at) + this.pick(others) + text.slice(at + 1);
  }

  /** The number with another of its hexadecimal digits somewhere in a part of it. */
  otherDigit(digits: string, from = 0, end = digits.length): string {
    return this.otherCharacter(digits, '0123456789abcdef', from, end);
  }

  digits(length: number): string {
    return Array.from({ length }, () => this.below(16).toString(16)).join('');
  }

  bytes(length: number): Buffer {
    return Buffer.from(this.digits(2 * length), 'hex');
  }
}
