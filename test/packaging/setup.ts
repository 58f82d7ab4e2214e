import { join } from 'node:path';
import { run } from '../../daemons/lib/daemon/program.ts';
import { installPackages } from '../support/installed-root.ts';

/** Builds the packages as `make deb` does and installs them in a root of their own, once for all tests. */
export async function setup(): Promise<void> {
  const root = join(import.meta.dirname, '../..');
  await run(join(root, 'tools/packaging/deb.sh'), [], { cwd: root, timeoutMs: 600_000 });
  await installPackages();
}
