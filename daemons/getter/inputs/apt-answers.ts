import type { ProgramError } from '../../lib/daemon/program.ts';

/** A package as apt names it in what it would do. */
export type PackageId = Readonly<{ package: string; version: string; architecture: string }>;

/** What a simulated run of apt-get would install and remove. */
export type Simulation = Readonly<{ install: readonly PackageId[]; remove: readonly string[] }>;

/** Reads `apt-get --simulate`: `Inst NAME [OLD] (NEW ORIGIN [ARCH])` and `Remv NAME [OLD]`. */
export function parseSimulation(text: string): Simulation {
  const install: PackageId[] = [];
  const remove: string[] = [];
  for (const line of text.split('\n')) {
    const installed = /^Inst (\S+?)(?::[a-z0-9-]+)? (?:\[[^\]]*\] )?\((\S+) [^)]*\[([a-z0-9-]+)\]\)/.exec(
      line,
    );
    if (installed !== null) {
      const [, name = '', version = '', architecture = ''] = installed;
      install.push({ package: name, version, architecture });
    }
    const removed = /^Remv (\S+?)(?::[a-z0-9-]+)? /.exec(line)?.[1];
    if (removed !== undefined) remove.push(removed);
  }
  return { install, remove };
}

const maxReasons = 5;

/** Which dependencies apt says it cannot satisfy, or its last words. */
export function unmetDependencies(error: ProgramError): string {
  const said = error.stdout.toString('utf8');
  const unmet = said.slice(Math.max(0, said.indexOf('unmet dependencies:'))).split('\n');
  const reasons = unmet
    .map((line) => /(?:Pre-Depends|Depends|Breaks|Conflicts): (.+)$/.exec(line)?.[1]?.trim())
    .filter((reason) => reason !== undefined);
  if (reasons.length > 0) return [...new Set(reasons)].slice(0, maxReasons).join('; ');
  const words = error.stderr.split('\n').filter((line) => line.startsWith('E: '));
  return words.slice(0, maxReasons).join('; ').replaceAll('E: ', '') || error.message;
}
