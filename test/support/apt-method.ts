import { chmodSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';

const checkout = join(import.meta.dirname, '../..');

/** A folder of apt methods with ours in it, bundled anew, and what stands for apt's `http`: a shell script, or its own. */
export class MethodFolder {
  constructor(readonly folder: string) {
    buildSync({
      ...JSON.parse(readFileSync(join(checkout, 'tools/client-bundle.json'), 'utf8')),
      absWorkingDir: checkout,
      outfile: this.intoto,
      banner: { js: `#!${process.execPath}` },
    });
    chmodSync(this.intoto, 0o755);
    symlinkSync('intoto', join(folder, 'intoto+https'));
  }

  get intoto(): string {
    return join(this.folder, 'intoto');
  }

  /** @param script lines of sh, after the capabilities were told */
  writeHttp(script: string): void {
    const capabilities = "printf '100 Capabilities\\nVersion: 1.2\\nSend-Config: true\\n\\n'";
    writeFileSync(join(this.folder, 'http'), `#!/bin/sh\n${capabilities}\n${script}\n`);
    chmodSync(join(this.folder, 'http'), 0o755);
  }
}
