import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ProgramError, run } from '../../../daemons/lib/daemon/program.ts';
import type { AptRoot } from '../apt-root.ts';
import { machinesMirror } from '../beside-mirror.ts';
import { makeDeb } from '../deb.ts';
import { makeTrixieRoot } from '../installed-root.ts';
import type { Site, StateResult } from './site.ts';

type Package = Readonly<{ package: string; version: string }>;

/**
 * A Debian 13 in a folder that stands for qubes and their template: real salt-ssh applies states there as qubesctl has it do
 * in a management disposable, over what stands in for ssh (bin-ssh).
 */
export class QubeRoot {
  private constructor(
    private readonly site: Site,
    readonly root: AptRoot,
  ) {}

  static async make(site: Site): Promise<QubeRoot> {
    const made = new QubeRoot(site, await makeTrixieRoot(site.path('qube')));
    // What a qube has of Qubes OS.
    await made.sh('useradd --create-home --groups qubes user');
    await made.sh(
      'apt-get --quiet update && apt-get --quiet --yes --no-install-recommends install python3 openssh-client',
    );
    await mkdir(site.path('ssh'));
    await writeFile(site.path('ssh/master'), JSON.stringify(made.#master()));
    return made;
  }

  readonly path = (name: string): string => this.root.path(name);

  /** Runs a line of shell there; its output. */
  async sh(line: string): Promise<string> {
    const { accepted, log } = await this.root.run('sh', ['-c', line]);
    if (!accepted) throw new Error(`${line}: ${log}`);
    return log;
  }

  /** The archives of the template, behind its updates proxy: Debian's mirror, and Qubes', where these packages are. */
  async offer(packages: readonly Package[]): Promise<void> {
    const archive = this.path('srv/archive');
    await mkdir(archive, { recursive: true });
    for (const one of packages)
      makeDeb(join(archive, `${one.package}_${one.version}.deb`), { ...one, architecture: 'all' });
    const { stdout } = await run('apt-ftparchive', ['packages', '.'], { cwd: archive, timeoutMs: 30_000 });
    await writeFile(join(archive, 'Packages'), stdout);
    await this.root.update(
      `deb ${await machinesMirror()} trixie main\ndeb [trusted=yes] file:/srv/archive ./`,
    );
  }

  /** Applies a state there as that qube, each with what salt-ssh brings along: one disk stands for several. */
  async apply(state: string, id: string): Promise<readonly StateResult[]> {
    await writeFile(
      this.site.path('ssh/roster'),
      JSON.stringify({ [id]: { host: id, thin_dir: `/var/tmp/${id}` } }),
    );
    const { PATH } = process.env;
    const output = await run(
      resolve('build/salt/bin/salt-ssh'),
      [
        `--config-dir=${this.site.path('ssh')}`,
        '--wipe',
        '--out=json',
        '--log-level=quiet',
        id,
        'state.apply',
        state,
      ],
      {
        timeoutMs: 300_000,
        env: { PATH: `${resolve('test/support/salt/bin-ssh')}:${PATH}`, QUBE_ROOT: this.root.folder },
      },
    ).then(
      ({ stdout }) => stdout,
      (error) => {
        if (!(error instanceof ProgramError) || error.stdout === undefined) throw error;
        return error.stdout;
      },
    );
    const states = JSON.parse(output.toString())[id];
    // What salt-ssh could not do has a status where states would stand.
    if (typeof states !== 'object' || Array.isArray(states) || Object.hasOwn(states, 'retcode'))
      throw new Error(`${state}: ${JSON.stringify(states)}`);
    return Object.values(states as Record<string, StateResult>);
  }

  /** What dom0 has for the attester. */
  async key(name: string, content: string): Promise<void> {
    const folder = this.site.path('srv/salt/package-rebuilder/keys');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, name), content);
  }

  /** As qubes.SaltLinuxVM has it in a management disposable (facts: QubesOS/qubes-mgmt-salt). */
  #master() {
    return {
      file_roots: { base: [this.site.path('srv/salt')] },
      pillar_roots: { base: [this.site.path('srv/pillar')] },
      root_dir: this.site.path('ssh-salt'),
      cachedir: this.site.path('ssh-salt/cache'),
      verify_env: false,
    };
  }
}
