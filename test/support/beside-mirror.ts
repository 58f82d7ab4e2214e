import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../daemons/lib/daemon/program.ts';
import { LocalArchive } from './local-archive.ts';
import { type RebuildAnswer, rebuild } from './rebuilderctl.ts';

export const suite = 'bookworm';
export const officialKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The archive that the machine's own apt reads that suite from, or else its first: a URI. */
export async function machinesMirror(): Promise<string> {
  const { stdout } = await run('apt-get', ['update', '--print-uris'], { timeoutMs: 60_000 });
  const found = [...stdout.toString().matchAll(/^'(\S+)\/dists\/(\S+)\/InRelease'/gm)];
  const archive = (found.find(([, , name]) => name === suite) ?? found[0])?.[1];
  if (archive === undefined) throw new Error("apt's configuration names no archive");
  return archive;
}

/** The line of sources.list of an archive that serves Debian's own suite. */
export function officialLine(uri: string): string {
  return `deb [signed-by=${officialKeyring}] ${uri} ${suite} main`;
}

/**
 * A small signed archive of the test's own that offers the machine's suite beside the machine's mirror, as a
 * distributor's would: its packages are rebuilt by the real command line, their dependencies come from the mirror.
 */
export class BesideMirror {
  /** Of Debian's origin: an archive of another's is left out where Debian's own offers the suite. */
  readonly archive = new LocalArchive({ codename: suite, origin: 'Debian' });
  readonly folder = mkdtempSync(join(tmpdir(), 'beside-'));
  #rebuilds = 0;

  private constructor(readonly mirror: string) {
    mkdirSync(join(this.folder, 'cache'), { mode: 0o755 });
    for (const folder of [this.folder, this.archive.root]) mkdirSync(folder, { recursive: true });
  }

  static async open(): Promise<BesideMirror> {
    const beside = new BesideMirror(await machinesMirror());
    await run('chmod', ['755', beside.folder, beside.archive.root], { timeoutMs: 10_000 });
    return beside;
  }

  /** Rebuilds a source of the archive; `dir` holds what the command left. `settings`: lines of [debian]. */
  async rebuild(
    source: string,
    options: Readonly<{ settings?: string; buildinfos?: readonly string[]; args?: readonly string[] }> = {},
  ): Promise<RebuildAnswer & { readonly dir: string }> {
    this.#rebuilds += 1;
    const dir = join(this.folder, `out-${this.#rebuilds}`);
    const conf = join(this.folder, `rebuilder-${this.#rebuilds}.conf`);
    writeFileSync(
      conf,
      `[debian]\narchive-keyring = ${suite}=${this.archive.keyring}\n${options.settings ?? ''}\n`,
    );
    const mirrors = [this.archive.line(), officialLine(this.mirror)].flatMap((line) => ['--mirror', line]);
    const answer = await rebuild(source, suite, options.buildinfos ?? [], {
      args: [...mirrors, '--conf', conf, '--output', dir, ...(options.args ?? [])],
      env: { XDG_CACHE_HOME: join(this.folder, 'cache') },
    });
    return { ...answer, dir };
  }

  remove(): void {
    this.archive.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** debian/rules of a package that needs no helper: `recipe` runs in the tree, then each package is made from debian/NAME. */
export function plainRules(packages: readonly string[], recipe: readonly string[]): string {
  const lines = [
    'set -e',
    ...recipe,
    ...packages.flatMap((name) => [
      `mkdir -p debian/${name}/DEBIAN debian/${name}/usr/share/${name}`,
      `cp README.md debian/${name}/usr/share/${name}/`,
      `dpkg-gencontrol -p${name} -Pdebian/${name}`,
      `dpkg-deb --root-owner-group --build debian/${name} ..`,
    ]),
  ];
  return [
    '#!/usr/bin/make -f',
    'clean build build-arch build-indep binary-arch:',
    '\ttrue',
    'binary: binary-indep',
    'binary-indep:',
    ...lines.map((line) => `\t${line.replaceAll('$', '$$$$')}`),
    '.ONESHELL:',
    '',
  ].join('\n');
}
