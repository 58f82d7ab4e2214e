import { readFile } from 'node:fs/promises';
import { type Keyring, keyringsNamedFor } from '../lib/archive/keyring.ts';
import type { Log } from '../lib/daemon/log.ts';
import type { SuiteFile } from '../lib/daemon/values.ts';
import type { Dist } from '../lib/domain/dist.ts';
import { type AptConfig, readAptConfig } from './debian/apt-config.ts';
import { type AptSource, parseSourceLines, readAptSources } from './debian/apt-sources.ts';
import { type Selection, selectSources } from './debian/select.ts';
import type { Trust } from './debian/suite.ts';

/** What rebuilder.conf says of a project's archive; undefined where it says nothing. */
export type ArchiveSettings = Readonly<{
  mirror: readonly string[] | undefined;
  archiveKeyring: readonly SuiteFile[];
  checkValidUntil: boolean | undefined;
}>;

/**
 * Which archives a dist is read from, and how they are trusted: as `mirror` says, else as the host's own apt does.
 */
export class Sources {
  readonly #settings: ArchiveSettings;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #log: Log;
  /** undefined where the host has no apt. */
  readonly #apt: AptConfig | undefined;

  constructor(
    settings: ArchiveSettings,
    host: Readonly<{
      env: Readonly<Record<string, string | undefined>>;
      apt: AptConfig | undefined;
      log: Log;
    }>,
  ) {
    this.#settings = settings;
    this.#env = host.env;
    this.#apt = host.apt;
    this.#log = host.log;
  }

  /** Read anew each time: an operator may have changed them. */
  async select(dist: Dist): Promise<Selection> {
    if (dist.project !== 'debian') return { sources: [], derived: false };
    const { mirror } = this.#settings;
    const { architecture, suite } = dist;
    if (mirror !== undefined) {
      return selectSources(parseSourceLines(mirror.join('\n')), suite, undefined, architecture);
    }
    const apt = this.#apt === undefined ? undefined : await readAptConfig(this.#env);
    if (apt === undefined) return { sources: [], derived: false };
    const sources = await readAptSources(apt, apt.architecture, (file, why) =>
      this.#log.warning('sources left out', { file, why }),
    );
    return selectSources(sources, suite, await hostCodename(), architecture);
  }

  trustOf(source: AptSource): Trust {
    const { mirror, archiveKeyring, checkValidUntil } = this.#settings;
    const host = mirror === undefined ? this.#apt : undefined;
    const validUntil = source.checkValidUntil ?? checkValidUntil ?? host?.checkValidUntil ?? true;
    const date = source.checkDate ?? host?.checkDate ?? true;
    const named = source.signedBy;
    return {
      keyrings: keyringsOf(source, archiveKeyring, this.#apt?.trusted ?? []),
      fingerprints: named === null || named.fingerprints.length === 0 ? null : named.fingerprints,
      checkValidUntil: validUntil && date,
      checkDate: date,
    };
  }
}

function keyringsOf(
  source: AptSource,
  archiveKeyring: readonly SuiteFile[],
  trusted: readonly Keyring[],
): readonly Keyring[] {
  const { files = [], armored = null } = source.signedBy ?? {};
  const named: Keyring[] = files.map((file) => ({ file }));
  if (armored !== null) named.push({ armored });
  if (named.length > 0) return named;
  return [...keyringsNamedFor(source.suite, archiveKeyring), ...trusted];
}

/** VERSION_CODENAME of os-release(5). */
async function hostCodename(): Promise<string | undefined> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return /^VERSION_CODENAME="?([a-z0-9.-]+)"?$/m.exec(text)?.[1];
}
