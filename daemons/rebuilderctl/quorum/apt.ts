import type { Sha256 } from '../../lib/domain/names.ts';
import { VerificationError } from '../../lib/intoto/errors.ts';
import type { FetchedLink } from '../../lib/intoto/links.ts';
import { verifyFile } from '../../lib/intoto/verify.ts';
import type { Trust } from '../verify/judge.ts';
import { fileOf } from './ask.ts';
import type { Package } from './packages.ts';

/** Whether apt, with this layout, would install such bytes of a package by the links that rebuilders answered with. */
export function aptAccepts(
  trust: Trust,
  of: Package,
  sha256: Sha256,
  { links, now }: Readonly<{ links: readonly FetchedLink[]; now: number }>,
): boolean {
  try {
    verifyFile({ ...trust, links, file: { name: fileOf(of), sha256 }, now });
    return true;
  } catch (error) {
    if (error instanceof VerificationError) return false;
    throw error;
  }
}
