import { isOfDistribution } from '../../lib/domain/distribution.ts';
import type { AptSource } from './apt-sources.ts';

/** The sources that offer one distribution: its suite, updates, security. */
export type Selection = Readonly<{
  sources: readonly AptSource[];
  /** Made from another distribution's sources by replacing names: what the archive then lacks is left out. */
  derived: boolean;
}>;

/** Suites that are never released, so they have neither updates nor security updates of their own. */
const rolling: ReadonlySet<string> = new Set(['sid', 'unstable', 'experimental']);

/**
 * Finds the sources of `suite` among the host's. Where the host has none, those of the host's own distribution serve,
 * with the names replaced: the same mirrors, keys and components.
 *
 * @param hostSuite the host's own codename, if known
 */
export function selectSources(
  sources: readonly AptSource[],
  suite: string,
  hostSuite: string | undefined,
  architecture: string,
): Selection {
  const usable = sources.filter(
    (source) =>
      /^(?:https?|file|copy):/.test(source.uri) &&
      source.components.length > 0 &&
      (source.architectures.length === 0 ||
        architecture === 'all' ||
        source.architectures.includes(architecture)),
  );
  const own = usable.filter((source) => isOfDistribution(source.suite, suite));
  if (own.some((source) => source.suite === suite)) return { sources: unique(own), derived: false };
  const origin = usable.find((source) => source.suite === hostSuite)?.suite ?? firstRelease(usable);
  if (origin === undefined) return { sources: unique(own), derived: false };
  const replaced = usable
    .filter((source) => isOfDistribution(source.suite, origin))
    .filter((source) => source.suite === origin || !rolling.has(suite))
    .map((source) => ({ ...source, suite: suite + source.suite.slice(origin.length) }));
  return { sources: unique(replaced), derived: true };
}

/** A suite that has updates or security updates beside it, as a distribution's own archive does; else the first. */
function firstRelease(sources: readonly AptSource[]): string | undefined {
  const names = sources
    .map((source) => source.suite)
    .filter((name) => !/-(?:updates|security)$|\/updates$/.test(name));
  return (
    names.find((name) =>
      sources.some((source) => source.suite !== name && isOfDistribution(source.suite, name)),
    ) ?? names[0]
  );
}

/** Lines that say the same suite of the same archive again add their components. */
function unique(sources: readonly AptSource[]): readonly AptSource[] {
  const merged = new Map<string, AptSource>();
  for (const source of sources) {
    const key = `${source.uri} ${source.suite}`;
    const known = merged.get(key);
    const components = [...new Set([...(known?.components ?? []), ...source.components])];
    merged.set(key, { ...(known ?? source), components });
  }
  return [...merged.values()];
}
