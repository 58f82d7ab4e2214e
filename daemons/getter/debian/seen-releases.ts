import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ArchiveError } from '../../lib/archive/errors.ts';
import type { Release } from '../../lib/archive/release.ts';

/** When the newest Release of each suite was made, as far as this getter has seen: a mirror must not lead it back. */
export class SeenReleases {
  readonly #path: string;
  #dates: Map<string, number> | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws ArchiveError `expired` if a newer Release of the suite was seen before */
  async check(archive: string, suite: string, release: Release): Promise<void> {
    if (release.date === undefined) return;
    const dates = await this.#load();
    const key = `${archive} ${suite}`;
    const seen = dates.get(key) ?? Number.NEGATIVE_INFINITY;
    if (release.date < seen) {
      const hours = Math.ceil((seen - release.date) / 3_600_000);
      throw new ArchiveError(
        'expired',
        `${archive} ${suite}: the Release is ${hours} h older than one that was seen before`,
      );
    }
    if (release.date === seen) return;
    dates.set(key, release.date);
    // One after the other: suites are read at the same time.
    const saved = this.#saving.then(() => this.#save(dates));
    this.#saving = saved.catch(() => {});
    await saved;
  }

  async #save(dates: ReadonlyMap<string, number>): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true });
    const temporary = `${this.#path}.${process.pid}.tmp`;
    await writeFile(temporary, JSON.stringify(Object.fromEntries(dates)));
    await rename(temporary, this.#path);
  }

  async #load(): Promise<Map<string, number>> {
    this.#dates ??= readDates(await readFile(this.#path, 'utf8').catch(() => '{}'));
    return this.#dates;
  }
}

/** A file that was damaged is as good as none. */
function readDates(text: string): Map<string, number> {
  try {
    const untrusted: unknown = JSON.parse(text);
    const entries = Object.entries(typeof untrusted === 'object' && untrusted !== null ? untrusted : {});
    return new Map(entries.filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
  } catch {
    return new Map();
  }
}
