import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ProgramError, run } from '../../../daemons/lib/daemon/program.ts';

const here = resolve('test/support/salt');
const saltCall = resolve('build/salt/bin/salt-call');
const share = 'package-rebuilder-dom0';

/** One state of a Salt run: `result` is null for what would change in a dry run. */
export type StateResult = Readonly<{
  name: string;
  result: boolean | null;
  changes: Readonly<Record<string, unknown>>;
  comment: string;
}>;

export type Pillar = Readonly<Record<string, unknown>>;

/** The qubes of the model (qubes_model.py). */
export type Qube = Readonly<{
  klass: string;
  power: 'Running' | 'Halted';
  properties: Readonly<Record<string, unknown>>;
  features: Readonly<Record<string, string>>;
  tags: readonly string[];
  private: number;
}>;

/** A line for each state that failed. */
export function failed(states: readonly StateResult[]): readonly string[] {
  return states.filter(({ result }) => result === false).map(({ name, comment }) => `${name}: ${comment}`);
}

/** The names of the states that changed something. */
export function changed(states: readonly StateResult[]): readonly string[] {
  return states.filter(({ changes }) => Object.keys(changes).length > 0).map(({ name }) => name);
}

/** What stands in a fresh Qubes OS: its network, two templates, the operator's qube. */
const freshQubes = {
  'sys-firewall': qube('AppVM', { label: 'green', template: 'fedora-42-xfce', provides_network: true }),
  'fedora-42-xfce': qube('TemplateVM', { label: 'black', netvm: null }),
  'debian-13-minimal': qube('TemplateVM', { label: 'black', netvm: null }),
  work: qube('AppVM', { label: 'blue', template: 'fedora-42-xfce', netvm: 'sys-firewall' }),
};

function qube(klass: string, properties: Qube['properties']): Qube {
  return {
    klass,
    power: 'Halted',
    properties,
    features: {},
    tags: ['created-by-dom0'],
    private: 2 * 2 ** 30,
  };
}

/** Where a site takes from what package-rebuilder-dom0 puts below /srv and into its own folder of /usr/share. */
export type Dom0 = Readonly<{ srv: string; share: string }>;

/** A dom0 of a test: Salt's folders and configuration, the carried packages, and a model of the qubes. */
export class Site {
  private constructor(readonly folder: string) {}

  /** Of the checkout's Salt and packages of no content, but for what `dom0` has. */
  static async make(pillar: Pillar | string, dom0?: Dom0): Promise<Site> {
    const site = new Site(await mkdtemp(join(tmpdir(), 'salt-')));
    const [salt, pillars, config] = ['srv/salt', 'srv/pillar', 'config'].map(site.path);
    for (const folder of [salt, pillars, config, site.path('share-of-this-machine'), site.path('salt')]) {
      await mkdir(folder ?? '', { recursive: true });
    }
    const srv = dom0?.srv;
    const formula = srv === undefined ? 'salt/package-rebuilder' : join(srv, 'salt/package-rebuilder');
    await cp(formula, site.path('srv/salt/package-rebuilder'), { recursive: true });
    await cp(join(srv ?? 'salt', 'pillar/package-rebuilder.top'), site.path('srv/pillar/top.sls'));
    await run('cp', ['-a', '/etc', site.path('etc')], { timeoutMs: 60_000 });
    await run('groupadd', ['--force', '--prefix', site.folder, 'qubes'], { timeoutMs: 10_000 });
    await mkdir(site.path('etc/qubes/policy.d'), { recursive: true });
    await site.#share(dom0?.share);
    await writeFile(site.path('config/minion'), JSON.stringify(site.#minion()));
    await writeFile(
      site.path('qubes.json'),
      JSON.stringify({ repository: ['fedora-42-minimal'], qubes: freshQubes }),
    );
    await site.setPillar(pillar);
    return site;
  }

  readonly path = (name: string): string => join(this.folder, name);

  /** As what stands below the formula's name, or as the text of the whole file. */
  async setPillar(pillar: Pillar | string): Promise<void> {
    const text = typeof pillar === 'string' ? pillar : JSON.stringify({ 'package-rebuilder': pillar });
    await writeFile(this.path('srv/pillar/package-rebuilder.sls'), text);
  }

  /** What Salt is to find on the machine that it renders for. */
  async setGrains(grains: Readonly<Record<string, string>>): Promise<void> {
    await writeFile(this.path('config/grains'), JSON.stringify(grains));
  }

  /** The top file that counts, of those below /srv/salt. */
  async setTop(name: string): Promise<void> {
    await cp(this.path(`srv/salt/${name}`), this.path('srv/salt/top.sls'));
  }

  async model(): Promise<Readonly<Record<string, Qube>>> {
    return JSON.parse(await readFile(this.path('qubes.json'), 'utf8')).qubes;
  }

  /** The names of the qubes that are not a fresh system's own. */
  async made(): Promise<readonly string[]> {
    return Object.keys(await this.model())
      .filter((name) => !Object.hasOwn(freshQubes, name))
      .sort();
  }

  /** Applies a state as `qubesctl --dom0-only state.apply` does. What Salt could not render is one state that failed. */
  async apply(state: string, ...args: readonly string[]): Promise<readonly StateResult[]> {
    const answer = await this.call('state.apply', [state, ...args]);
    if (Array.isArray(answer)) throw new Error(`${state}: ${answer.join('\n')}`);
    return Object.values(answer as Record<string, StateResult>);
  }

  /** What `salt-call --local` answers; as another qube it renders what that qube would be told. */
  async call(name: string, args: readonly string[] = [], id = 'dom0'): Promise<unknown> {
    const { PATH } = process.env;
    const call = [saltCall, '--local', `--config-dir=${this.path('config')}`, `--id=${id}`, '--out=json'];
    const output = await run(
      'unshare',
      ['--mount', join(here, 'in-dom0.sh'), this.folder, ...call, '--log-level=quiet', name, ...args],
      {
        timeoutMs: 300_000,
        env: {
          QUBES_MODEL: this.path('qubes.json'),
          PYTHONDONTWRITEBYTECODE: '1',
          PATH: `${join(here, 'bin')}:${PATH}`,
        },
      },
    ).then(
      ({ stdout }) => stdout,
      (error) => {
        if (!(error instanceof ProgramError) || !error.stdout?.length) throw error;
        return error.stdout;
      },
    );
    return JSON.parse(output.toString()).local;
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** What package-rebuilder-dom0 carries for the templates; to dom0 their bytes do not matter. */
  async #share(carried: string | undefined): Promise<void> {
    const packages = this.path(`share/${share}/packages`);
    if (carried === undefined) {
      await mkdir(packages, { recursive: true });
      for (const name of [
        'package-rebuilder_1.0_amd64.deb',
        'package-rebuilder-client_1.0_all.deb',
        'package-rebuilder-1.0-1.x86_64.rpm',
      ]) {
        await writeFile(join(packages, name), `${name}\n`);
      }
    } else await cp(carried, this.path(`share/${share}`), { recursive: true });
    for (const name of (await readdir('/usr/share')).filter((one) => one !== share)) {
      await symlink(this.path(`share-of-this-machine/${name}`), this.path(`share/${name}`));
    }
  }

  /** As in dom0 (facts: QubesOS/qubes-mgmt-salt etc/salt/minion.d/f_defaults.conf). */
  #minion() {
    return {
      file_client: 'local',
      file_roots: { base: ['/srv/salt'] },
      pillar_roots: { base: ['/srv/pillar'] },
      nodegroups: { dom0: 'dom0' },
      root_dir: this.path('salt'),
      module_dirs: [join(here, '_modules')],
      states_dirs: [join(here, '_states')],
    };
  }
}
