import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runWith } from '../unit/rebuilderctl/run.ts';
import { type GnuPg, openGnuPg } from './gnupg.ts';

export interface MachineOptions {
  readonly method?: 'none' | 'apt-transport-in-toto' | 'package-rebuilder-client';
  /** As os-release has it; none in testing and unstable. */
  readonly release?: string | undefined;
  readonly gpg?: boolean;
  readonly files?: Readonly<Record<string, string>>;
}

/** The root folder of a machine that has what an installation looks at: apt's files and the methods' names. */
export class VerifiersMachine {
  readonly root = mkdtempSync(join(tmpdir(), 'machine-'));

  constructor({
    method = 'apt-transport-in-toto',
    release = '12',
    gpg = true,
    files = {},
  }: MachineOptions = {}) {
    chmodSync(this.root, 0o755);
    const methods = '/usr/lib/apt/methods';
    const names = {
      none: [],
      'apt-transport-in-toto': ['intoto'],
      'package-rebuilder-client': ['intoto', 'intoto+https'],
    };
    const all = {
      ...Object.fromEntries(['http', ...names[method]].map((name) => [`${methods}/${name}`, ''])),
      ...(gpg ? { '/usr/bin/gpg': '' } : {}),
      '/var/lib/dpkg/status': '',
      '/usr/lib/os-release': release === '' ? 'ID=debian\n' : `ID=debian\nVERSION_ID="${release}"\n`,
      '/etc/apt/sources.list': 'deb http://deb.example/debian bookworm main\n',
      '/etc/apt/apt.conf.d/70debconf': 'DPkg::Pre-Install-Pkgs {"true";};\n',
      '/etc/apt/sources.list.d/README': 'nothing\n',
      ...files,
    };
    for (const [path, text] of Object.entries(all)) this.write(path, text);
  }

  write(path: string, content: string | Uint8Array, mode = 0o644): void {
    const here = join(this.root, path);
    mkdirSync(dirname(here), { recursive: true });
    writeFileSync(here, content);
    chmodSync(here, mode);
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'latin1');
  }

  /** Every file and folder with its mode and content. */
  tree(): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    for (const entry of readdirSync(this.root, { recursive: true, encoding: 'utf8' }).sort()) {
      const here = join(this.root, entry);
      const stats = lstatSync(here);
      const mode = (stats.mode & 0o777).toString(8);
      found.set(entry, stats.isFile() ? `${mode} ${readFileSync(here, 'latin1')}` : mode);
    }
    return found;
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** An owner, a rebuilder and a layout that believes it, signed. */
export interface Signers {
  readonly gnupg: GnuPg;
  readonly owner: string;
  readonly rebuilder: string;
  /** Makes a layout; returns its file. */
  layout(name: string, ...args: readonly string[]): Promise<string>;
  remove(): void;
}

/** Ed25519 keys are made in no time; RSA ones are what most people have. */
export function openSigners(algorithm: 'ed25519' | 'rsa3072' = 'ed25519'): Signers {
  const gnupg = openGnuPg();
  const owner = gnupg.makeKey('Zoë Owner <owner@example.org>', algorithm, 'sign', '2y');
  const rebuilder = gnupg.makeKey('rebuilder@example.org', algorithm, 'sign', '2y');
  return {
    gnupg,
    owner,
    rebuilder,
    async layout(name, ...args) {
      const file = join(gnupg.home, name);
      const base = ['--rebuilder-key', rebuilder, '--owner-key', owner, '--gpg-home', gnupg.home];
      const { code, err } = await runWith({}, ['layout', 'init', ...base, '-o', file, '--force', ...args]);
      if (code !== 0) throw new Error(err);
      return file;
    },
    remove: () => gnupg.remove(),
  };
}
