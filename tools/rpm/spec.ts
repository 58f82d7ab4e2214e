import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Modules } from '../packaging/modules.ts';
import type { Generated } from '../qrexec/generated.ts';

const path = 'rpm/package-rebuilder.spec.in';
const begin = '# What the bundles hold (`npm run generate`).\n';

/**
 * The spec of the daemons, with the licences of all that they hold as one SPDX expression, and each npm module as Fedora
 * writes bundled ones (packaging guidelines, "Bundling").
 */
export function specFile(root: string): Generated {
  const modules = new Modules(root);
  const held = [...modules.bundled(), ...modules.loaded()];
  const licenses = [...new Set(held.map(({ license }) => license))].sort();
  const provides = held.map(
    (module) =>
      `Provides: bundled(npm(${module.path.replace(/^.*node_modules\//, '')})) = ${module.version}\n`,
  );
  const text = readFileSync(join(root, path), 'utf8')
    .replace(/^License: .*$/m, `License: ${['GPL-3.0-or-later', ...licenses].join(' AND ')}`)
    .replace(/^Provides: bundled\(.*\n/gm, '')
    .replace(begin, `${begin}${[...new Set(provides)].sort().join('')}`);
  return { path, kind: 'text', text, executable: false };
}
