import {
  appendFile,
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type AptAnswer, AptRoot, verifierPackages, verifierSuite } from '../../support/apt-root.ts';
import { machinesMirror } from '../../support/beside-mirror.ts';
import type { World } from './world.ts';

const suites = {
  [verifierSuite]: [...verifierPackages, 'nodejs', 'ca-certificates'],
  trixie: ['gpg', 'nodejs', 'ca-certificates'],
} as const;

export type Suite = keyof typeof suites;
export type Methods = 'debian' | 'ours';

/** `APT::Intoto`, as a case wants it. */
export interface Options {
  readonly rebuilders: readonly string[];
  /** Name of a layout in /etc/intoto. */
  readonly layout: string;
  readonly keyids: readonly string[];
  readonly noFail?: boolean;
  /** Written as `Layout "..."` in place of `Layout {"..."}`. */
  readonly plainForm?: boolean;
  /** More lines of apt.conf. */
  readonly more?: string;
}

/** What apt said, and the files that it would install. */
export type Fetched = AptAnswer & Readonly<{ files: readonly string[] }>;

const build = join(import.meta.dirname, '../../../build');
const archiveKeyring = '/usr/share/keyrings/local-archive.gpg';

/** Unpacks the machine of somebody who verifies into a folder, with Debian's method or ours. */
export async function makeRoot(folder: string, suite: Suite, methods: Methods): Promise<AptRoot> {
  const roots = join(build, 'test/roots');
  await mkdir(roots, { recursive: true });
  const root = await AptRoot.make({
    suite,
    packages: suites[suite],
    mirror: await machinesMirror(),
    tarball: join(roots, `client-${suite}.tar`),
    folder,
  });
  if (methods === 'ours') {
    const at = (name: string) => root.path(join('usr/lib/apt/methods', name));
    await rm(at('intoto'), { force: true });
    await copyFile(join(build, 'client/intoto'), at('intoto'));
    await chmod(at('intoto'), 0o755);
    await symlink('intoto', at('intoto+https'));
  }
  return root;
}

/** Such a machine, with apt set up by hand. */
export class Verifier {
  private constructor(readonly root: AptRoot) {}

  static async make(world: World, suite: Suite, methods: Methods): Promise<Verifier> {
    const root = await makeRoot(join(world.folder, `${suite}-${methods}`), suite, methods);
    const verifier = new Verifier(root);
    await mkdir(root.path('etc/intoto'), { recursive: true });
    await mkdir(root.path('var/lib/intoto'), { recursive: true });
    world.writeKeyring(root.path('var/lib/intoto/gnupg'));
    await copyFile(world.archive.keyring, root.path(archiveKeyring));
    await appendFile(
      root.path('etc/ssl/certs/ca-certificates.crt'),
      await readFile(world.certificate, 'utf8'),
    );
    return verifier;
  }

  async addLayout(name: string, content: string | Uint8Array): Promise<void> {
    await writeFile(this.root.path(`etc/intoto/${name}.layout`), content);
  }

  /** Reads the index of an archive, the only one from then on. */
  async use(uri: string): Promise<void> {
    await this.root.update(`deb [signed-by=${archiveKeyring}] ${uri} testing-local main`);
  }

  /** Fetches packages, as `apt-get install` does before it unpacks them. */
  async fetch(packages: readonly string[], options: Options): Promise<Fetched> {
    await this.configure(options);
    await this.root.apt('clean');
    const answer = await this.root.apt('install', '--download-only', '-y', '-qq', ...packages);
    const names = await readdir(this.root.path('var/cache/apt/archives'));
    return { ...answer, files: names.filter((name) => name.includes('_')) };
  }

  async configure(options: Options): Promise<void> {
    await writeFile(this.root.path('etc/apt/apt.conf.d/intoto'), configuration(options));
  }
}

function configuration({
  rebuilders,
  layout,
  keyids,
  noFail = false,
  plainForm,
  more = '',
}: Options): string {
  const quoted = (values: readonly string[]) => values.map((value) => `"${value}"; `).join('');
  const one = (name: string, value: string) =>
    plainForm ? `APT::Intoto::${name} "${value}";` : `APT::Intoto::${name} {"${value}"};`;
  return `${[
    `APT::Intoto::Rebuilders { ${quoted(rebuilders)}};`,
    `APT::Intoto::Keyids { ${quoted(keyids)}};`,
    one('GPGHomedir', '/var/lib/intoto/gnupg'),
    one('Layout', `/etc/intoto/${basename(layout)}.layout`),
    one('LogLevel', '20'),
    one('NoFail', String(noFail)),
    more,
  ].join('\n')}\n`;
}
