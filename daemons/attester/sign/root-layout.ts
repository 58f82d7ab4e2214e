import { type PublicationPath, parsePublicationPath } from '../../lib/domain/names.ts';
import { readRootLayout } from '../root-layout.ts';
import type { Published } from './sign-links.ts';
import type { PublishOptions } from './tree.ts';

/** The operator's own file, as it is; one that is no signed layout stays where it is. */
export async function rootLayout({
  settings,
  log,
}: Pick<PublishOptions, 'settings' | 'log'>): Promise<readonly Published[]> {
  const { rootLayout: file, folder } = settings;
  if (file === undefined) return [];
  const path: PublicationPath = parsePublicationPath(`${folder}/root.layout`);
  try {
    return [{ path, content: (await readRootLayout(file)).content }];
  } catch (error) {
    log.warning('the root layout is not published', {
      file,
      why: error instanceof Error ? error.message : String(error),
    });
    return [];
  }
}
