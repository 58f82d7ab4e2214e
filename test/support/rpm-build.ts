import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { run } from '../../daemons/lib/daemon/program.ts';

/** Lays out in `top` what `make rpm` built from. */
export function layOutSources(top: string): void {
  for (const part of ['SOURCES', 'SPECS'])
    cpSync(resolve('build/rpm', part), join(top, part), { recursive: true });
}

/** Builds a spec of `top`, packed in no time; the RPM that it makes. */
export async function buildRpm(top: string, spec: string): Promise<string> {
  const before = new Set(made(top));
  const define = [`_topdir ${top}`, '_binary_payload w1.zstdio'].flatMap((text) => ['--define', text]);
  await run('rpmbuild', ['-bb', '--nodeps', ...define, spec], { timeoutMs: 600_000 });
  const [rpm] = made(top).filter((path) => !before.has(path));
  if (rpm === undefined) throw new Error(`${spec} made no RPM`);
  return rpm;
}

/** The next release of a package that `make rpm` makes, its spec changed besides. */
export async function buildNextRelease(
  top: string,
  name: string,
  change: (spec: string) => string = (spec) => spec,
): Promise<string> {
  layOutSources(top);
  const file = join(top, 'SPECS', `${name}.spec`);
  writeFileSync(file, change(readFileSync(file, 'utf8')).replace(/^Release: \S+$/m, 'Release: 2'));
  return await buildRpm(top, file);
}

function made(top: string): readonly string[] {
  const folder = join(top, 'RPMS');
  try {
    const found = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    return found.filter((path) => path.endsWith('.rpm')).map((path) => join(folder, path));
  } catch {
    return [];
  }
}
