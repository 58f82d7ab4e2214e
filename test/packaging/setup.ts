import { join } from 'node:path';
import { run } from '../../daemons/lib/daemon/program.ts';
import { installPackages } from '../support/installed-root.ts';

/** Builds the packages as `make deb` and `make rpm` do and installs them in a root of their own, once for all tests. */
export async function setup(): Promise<void> {
  const root = join(import.meta.dirname, '../..');
  const build = (script: string) =>
    run(join(root, 'tools/packaging', script), [], { cwd: root, timeoutMs: 600_000 });
  const built = build('deb.sh');
  await Promise.all([installPackages(built), built.then(() => build('rpm.sh'))]);
}
