import { codes, formatMessage, oneLine } from './apt/message.ts';
import { levels } from './settings.ts';

/**
 * Tells people: details and what went well on standard error, by `LogLevel`, and to apt, which shows it where
 * `Debug::pkgAcquire::Worker` is on; warnings to apt alone, which shows them at its end.
 */
export class Report {
  level: number = levels.info;
  readonly #send: (message: Buffer) => void;
  readonly #write: (line: string) => void;
  readonly #warned = new Set<string>();

  /** @param send takes messages for apt */
  constructor(send: (message: Buffer) => void, write: (line: string) => void) {
    this.#send = send;
    this.#write = write;
  }

  debug(say: string): void {
    this.#tell(levels.debug, say);
  }

  info(say: string): void {
    this.#tell(levels.info, say);
  }

  /** Each text once: a rebuilder that is away is so for every package. */
  warning(say: string, uri?: string): void {
    if (this.level > levels.warning || this.#warned.has(say)) return;
    this.#warned.add(say);
    this.#send(formatMessage(codes.warning, say, uri));
  }

  /** What apt shows while it waits. */
  status(say: string, uri?: string): void {
    this.#send(formatMessage(codes.status, say, uri));
  }

  #tell(level: number, say: string): void {
    this.#send(formatMessage(codes.log, say));
    if (this.level <= level) this.#write(`intoto: ${oneLine(say)}\n`);
  }
}
