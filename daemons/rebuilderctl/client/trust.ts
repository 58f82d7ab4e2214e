import type { Layout, LayoutKey } from '../../lib/domain/layout.ts';
import { maxMetablockBytes } from '../../lib/domain/metablock.ts';
import { parseFingerprint } from '../../lib/domain/names.ts';
import { checkLayout } from '../../lib/layout/check.ts';
import type { GpgOptions } from '../../lib/openpgp/gpg.ts';
import { packetTags, readPackets } from '../../lib/openpgp/packets.ts';
import { CommandError } from '../errors.ts';
import { layoutOf } from '../layout/document.ts';
import { type NamedKey, readNamedKey } from '../layout/keys.ts';
import { readCapped } from '../read-file.ts';
import { type ClientFinding, clientFinding, ofLayout } from './findings.ts';
import type { Manifest } from './manifest.ts';
import { places } from './places.ts';
import type { Root } from './root.ts';

/** What is believed: the owners' keys, and the layout that they signed. */

export interface TrustOptions {
  readonly ownerKey?: readonly string[] | undefined;
  readonly layout?: string | undefined;
}

/**
 * The owners' keys, each once: those that are named, or else those that are installed.
 *
 * @throws CommandError for one that is not there, or that should not be believed
 */
export async function readOwners(
  root: Root,
  { ownerKey }: TrustOptions,
  previous: Manifest | undefined,
  gpg: GpgOptions,
  now: number,
): Promise<readonly NamedKey[]> {
  if (ownerKey === undefined && previous === undefined) {
    throw new CommandError(
      'whose signature on the layout shall apt want? Name its owner: --owner-key FINGERPRINT|FILE',
    );
  }
  const installed = { home: await root.at(places.gpgHome) };
  const keys = await Promise.all(
    ownerKey === undefined
      ? (previous?.settings.owners ?? []).map((owner) => readNamedKey(owner, installed, now))
      : ownerKey.map((named) => readNamedKey(named, gpg, now)),
  );
  for (const { key, unusable } of keys) {
    if (unusable === undefined) continue;
    throw new CommandError(
      `owner key ${key.keyid.toUpperCase()}: ${unusable}`,
      'Its holder extends it or makes another, signs the layout with that, and gives you the public key.',
    );
  }
  return [...new Map(keys.map((one) => [one.key.keyid, one])).values()];
}

/** The key ring's bytes: of each key what gpg makes something of, and nothing else that an export may hold. */
export function keyringOf(owners: readonly NamedKey[]): Buffer {
  const known: readonly number[] = Object.values(packetTags);
  return Buffer.concat(
    owners.flatMap(({ packets }) =>
      readPackets(packets)
        .filter(({ tag }) => known.includes(tag))
        .map(({ raw }) => raw),
    ),
  );
}

export function fingerprintsOf(owners: readonly NamedKey[]) {
  return owners.map(({ key }) => parseFingerprint(key.keyid));
}

export type ReadLayout = Readonly<{ bytes: Buffer; layout: Layout; findings: readonly ClientFinding[] }>;

/**
 * A layout as a verifier would judge it, with as many rebuilders to ask.
 *
 * @throws CommandError when it cannot be read as one
 */
export async function readTrusted(
  file: string,
  owners: readonly LayoutKey[],
  rebuilders: readonly string[],
  now: number,
): Promise<ReadLayout> {
  const bytes = await readCapped(file, maxMetablockBytes);
  const { signed: layout, signatures } = layoutOf(file, bytes, now);
  const findings = checkLayout({ layout, signatures, owners, rebuilders: [], now });
  return {
    bytes,
    layout,
    findings: [...findings.map((one) => ofLayout(file, one)), ...tooFew(layout, rebuilders)],
  };
}

function tooFew(layout: Layout, rebuilders: readonly string[]): readonly ClientFinding[] {
  const wanted = Math.max(0, ...layout.steps.map(({ threshold }) => threshold));
  if (wanted <= rebuilders.length) return [];
  const say = `the layout asks for ${wanted} rebuilders, and apt is told of ${rebuilders.length}`;
  return [clientFinding('rebuilders-too-few', 'layout', say)];
}
