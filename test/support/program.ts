import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';

/** A program of daemons/ bundled for one test, so that no test depends on an earlier build. */
export interface BundledProgram {
  readonly path: string;
  remove(): void;
}

export function bundleProgram(entry: string): BundledProgram {
  const folder = mkdtempSync(join(tmpdir(), 'bundle-'));
  const path = join(folder, 'main.mjs');
  buildSync({
    entryPoints: [join(import.meta.dirname, '../..', entry)],
    outfile: path,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    banner: {
      js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);",
    },
    logLevel: 'error',
  });
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
