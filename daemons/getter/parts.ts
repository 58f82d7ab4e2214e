import type { LookupStore } from '../lib/archive/lookup-store.ts';
import type { Clock } from '../lib/daemon/clock.ts';
import type { Dist } from '../lib/domain/dist.ts';
import type { Architecture } from '../lib/domain/names.ts';
import type { Downloads } from '../lib/net/download.ts';
import type { AptSource } from './debian/apt-sources.ts';
import type { BuildinfoPlaces } from './debian/buildinfos.ts';
import type { Selection } from './debian/select.ts';
import type { SuiteReader, Trust } from './debian/suite.ts';
import type { Kept } from './kept.ts';

/** What the getter's jobs work with; `main.ts` puts it together. */
export interface Parts {
  readonly clock: Clock;
  readonly downloads: Downloads;
  readonly kept: Kept;
  readonly lookups: LookupStore;
  readonly suites: SuiteReader;
  /** The sources that offer a dist, read anew each time: an operator may have changed them. */
  select(dist: Dist): Promise<Selection>;
  trustOf(source: AptSource): Trust;
  buildinfoPlaces(dist: Dist): Promise<BuildinfoPlaces>;
  /** Of the machines that build. */
  readonly buildArchitecture: Architecture;
  /** For `DEB_BUILD_OPTIONS=parallel=N` of an inferred environment. */
  readonly parallel: number;
  /** Where what can be made again is kept between jobs. */
  readonly cacheFolder: string;
}
