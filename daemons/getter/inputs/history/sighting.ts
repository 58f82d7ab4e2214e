import type { Architecture, BinaryName, DebVersion } from '../../../lib/domain/names.ts';

/** A binary as services that know an archive's past are asked about it. */
export type Identity = Readonly<{ package: BinaryName; version: DebVersion; architecture: Architecture }>;

/** A moment that a snapshot archive has, `20210814T212851Z`: in the order of time as text. */
export type Timestamp = string & { readonly brand: 'Timestamp' };

/**
 * Where and when an archive had a binary, both ends included. Services that look at the pool alone know no suite, and of
 * the time only the first moment.
 */
export type Sighting = Readonly<{
  /** As snapshot archives name it: `debian`, `debian-security`. */
  archive: string;
  suite: string | null;
  component: string | null;
  begin: Timestamp;
  end: Timestamp;
}>;

/** `name:architecture=version`, as metasnap is asked. */
export function nameOf(one: Readonly<Record<keyof Identity, string>>): string {
  return `${one.package}:${one.architecture}=${one.version}`;
}

export function parseTimestamp(text: string): Timestamp | undefined {
  return /^\d{8}T\d{6}Z$/.test(text) ? (text as Timestamp) : undefined;
}

/** An archive, suite or component: it becomes a part of a URL. */
export function isPlainName(text: string): boolean {
  return text.length <= 100 && /^[A-Za-z0-9][A-Za-z0-9+._-]*(?:\/[A-Za-z0-9][A-Za-z0-9+._-]*)?$/.test(text);
}
