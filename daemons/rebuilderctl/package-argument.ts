import { type DebVersion, parseDebVersion, parseSourceName, type SourceName } from '../lib/domain/names.ts';

export type WantedPackage = Readonly<{ source: SourceName; version?: DebVersion }>;

/**
 * `SOURCE[=VERSION]`, as apt writes it.
 *
 * @throws NameError
 */
export function parsePackage(text: string): WantedPackage {
  const at = text.indexOf('=');
  if (at < 0) return { source: parseSourceName(text) };
  return { source: parseSourceName(text.slice(0, at)), version: parseDebVersion(text.slice(at + 1)) };
}
