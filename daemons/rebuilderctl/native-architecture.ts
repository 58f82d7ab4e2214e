import { run } from '../lib/daemon/program.ts';
import { type Architecture, parseArchitecture } from '../lib/domain/names.ts';

/** The architecture of this machine, in Debian's words. */
export async function nativeArchitecture(): Promise<Architecture> {
  const { stdout } = await run('dpkg', ['--print-architecture'], { timeoutMs: 10_000 });
  return parseArchitecture(stdout.toString('utf8').trim());
}
