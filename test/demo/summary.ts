import type { FileVerdict } from '../../daemons/lib/domain/verdict.ts';

/** `build/demo/summary.json`; every path is relative to `build/demo`. */
export type DemoFile = Readonly<{
  name: string;
  officialSha256: string | null;
  rebuiltSha256: string | null;
  verdict: FileVerdict;
}>;

export type DemoPackage = Readonly<{
  source: string;
  version: string;
  verdict: 'reproducible' | 'unreproducible' | 'failure';
  files: readonly DemoFile[];
  /** One of the package's published link documents; null when nothing of it was reproduced. */
  link: string | null;
  seconds: number;
}>;

export type DemoSummary = Readonly<{
  packages: readonly DemoPackage[];
  aptAcceptedGood: boolean;
  aptRefusedTampered: boolean;
  aptRefusedUnattested: boolean;
  /** The folder whose `sources/` apt asks. */
  publication: string;
  layout: string;
  /** A GnuPG home with the public keys of the layout's owner and of the rebuilder. */
  keyring: string;
}>;
