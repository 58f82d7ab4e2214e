import { campaignSeed } from '../../../support/campaign.ts';
import { documents, strictness } from './documents.ts';
import { Draw } from './draw.ts';
import type { Kind, Setting } from './kind.ts';
import { neutral } from './neutral.ts';
import { packages } from './packages.ts';
import { layoutStrictness, signedLayouts } from './signed-layouts.ts';
import { signedLinks } from './signed-links.ts';
import { tamperedLayouts } from './tampered-layouts.ts';
import { tamperedLinks } from './tampered-links.ts';

/** One change of a good publication. */
export interface Mutation extends Omit<Kind, 'times' | 'settings'> {
  readonly setting: Setting;
  readonly version: string;
  readonly draw: Draw;
}

/** Each refused by at least both programs of ours. */
export const hostileMutations = mutationsOf([
  ...tamperedLinks,
  ...signedLinks,
  ...documents,
  ...packages,
  ...tamperedLayouts,
  ...signedLayouts,
]);
/** What ours refuses and Debian's method does not. */
export const strictMutations = mutationsOf([...strictness, ...layoutStrictness]);
export const neutralMutations = mutationsOf(neutral);

function mutationsOf(kinds: readonly Kind[]): readonly Mutation[] {
  return kinds.flatMap(({ times, settings, ...kind }) =>
    Array.from({ length: times }, (_, at): Mutation => {
      const draw = new Draw(`${campaignSeed()} ${kind.of} ${at}`);
      const version = draw.pick(['1.0-1', '1:2.0~rc1+dfsg-1', '1.0-1+b1']);
      return { ...kind, setting: draw.pick(settings), version, draw };
    }),
  );
}
