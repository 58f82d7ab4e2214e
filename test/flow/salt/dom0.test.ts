import { readFile, rm, stat } from 'node:fs/promises';
import { describe, it, type TestContext } from 'vitest';
import { evaluate } from '../../../daemons/standalone/policy/evaluate.ts';
import { describeSystem } from '../../../daemons/standalone/policy/system.ts';
import { parsePolicyText } from '../../../daemons/standalone/policy/text.ts';
import { pictureOf, table } from '../../support/salt/picture.ts';
import { changed, failed, type Pillar, type Qube, Site } from '../../support/salt/site.ts';

/** What `create` makes of an empty pillar. */
const defaults = `
rebuilder-orchestrator rebuilder-tpl-debian gray   net=none    dispvm=none 500-2000MiB  2cpu 60GiB autostart +package-rebuilder-orchestrator @package-rebuilder
rebuilder-getter       rebuilder-tpl-debian orange net=default dispvm=none 400-2000MiB  2cpu 30GiB autostart +package-rebuilder-getter @package-rebuilder @package-rebuilder-getter
rebuilder-worker       rebuilder-tpl-debian yellow net=none    dispvm=none 400-2000MiB  2cpu 35GiB autostart +package-rebuilder-rebuilder @package-rebuilder @package-rebuilder-rebuilder
rebuilder-attester     rebuilder-tpl-debian green  net=none    dispvm=none 400-2000MiB  2cpu 15GiB autostart +package-rebuilder-attester +split-gpg2-client @package-rebuilder @package-rebuilder-attester
rebuilder-reporter     rebuilder-tpl-debian yellow net=none    dispvm=none 300-1200MiB  1cpu  5GiB autostart +package-rebuilder-reporter @package-rebuilder @package-rebuilder-reporter
rebuilder-uploader     rebuilder-tpl-debian orange net=default dispvm=none 300-1200MiB  1cpu 15GiB autostart +package-rebuilder-uploader @package-rebuilder @package-rebuilder-uploader
rebuilder-vault        rebuilder-tpl-debian black  net=none    dispvm=none 300-800MiB   1cpu  2GiB autostart +package-rebuilder-vault @package-rebuilder
rebuilder-dvm-debian   rebuilder-tpl-debian red    net=none    dispvm=none 2000-8000MiB 4cpu 40GiB disposables +package-rebuilder-disposable @package-rebuilder
rebuilder-dvm-fedora   rebuilder-tpl-fedora red    net=none    dispvm=none 2000-8000MiB 4cpu 40GiB disposables +package-rebuilder-disposable @package-rebuilder
rebuilder-tpl-debian   TemplateVM           black  net=none    dispvm=none - @package-rebuilder-template
rebuilder-tpl-fedora   TemplateVM           black  net=none    dispvm=none - @package-rebuilder-template
fedora-42-minimal      TemplateVM           black  net=none    dispvm=default -
`;

const worker = lineOf('rebuilder-worker');
const webhook =
  'rebuilder-webhook rebuilder-tpl-debian red net=default dispvm=none 300-800MiB 1cpu 2GiB autostart +package-rebuilder-webhook @package-rebuilder @package-rebuilder-webhook';

/** Each pillar, and the picture it makes: what is another than by default. */
const matrix: Readonly<Record<string, Readonly<{ pillar: Pillar; picture: string }>>> = {
  'an empty pillar': { pillar: {}, picture: defaults },
  'three rebuilders': {
    pillar: { rebuilders: 3 },
    picture: [defaults, worker.replace('worker', 'worker-2'), worker.replace('worker', 'worker-3')].join(
      '\n',
    ),
  },
  'another prefix': {
    pillar: { prefix: 'proof' },
    // Tags and services keep their names.
    picture: defaults.replace(/(?<![a-z+@-])rebuilder-/g, 'proof-'),
  },
  'templates that are there, no Fedora, split-GPG': {
    pillar: {
      templates: { debian: 'debian-13-minimal', fedora: '' },
      keys: { openpgp: 'qubes.Gpg' },
    },
    picture: without(defaults, 'fedora').replace(' +split-gpg2-client', ''),
  },
  'a webhook, a network, larger qubes, no autostart': {
    pillar: {
      webhook: true,
      netvm: 'sys-firewall',
      autostart: false,
      qubes: { vault: { memory: 350 }, 'dvm-debian': { private: 80, vcpus: 8 } },
    },
    picture: `${defaults}\n${webhook}`
      .replaceAll('net=default', 'net=sys-firewall')
      .replaceAll(' autostart', '')
      .replace(
        '300-800MiB   1cpu  2GiB +package-rebuilder-vault',
        '350-800MiB 1cpu 2GiB +package-rebuilder-vault',
      )
      .replace(/(dvm-debian .*) 4cpu 40GiB/, '$1 8cpu 80GiB'),
  },
};

function lineOf(name: string): string {
  return defaults.split('\n').find((line) => line.startsWith(`${name} `)) ?? '';
}

function without(text: string, word: string): string {
  return text
    .split('\n')
    .filter((line) => !line.includes(word))
    .join('\n');
}

const removal = [
  'package-rebuilder.remove',
  'pillar={"package-rebuilder": {"remove": "everything"} }',
] as const;
const policyPath = 'etc/qubes/policy.d/31-package-rebuilder.policy';

async function siteOf(pillar: Pillar, { onTestFinished }: TestContext): Promise<Site> {
  const site = await Site.make(pillar);
  onTestFinished(() => site.remove());
  return site;
}

async function untouched(site: Site): Promise<readonly unknown[]> {
  const paths = ['qubes.json', policyPath, 'srv/salt/package-rebuilder/packages/package-rebuilder.deb'];
  return await Promise.all(paths.map(async (path) => (await stat(site.path(path))).mtimeMs));
}

describe.concurrent('the states of dom0', () => {
  for (const [name, { pillar, picture }] of Object.entries(matrix)) {
    it(`make, keep and take away what a pillar says: ${name}`, async (test) => {
      const { expect } = test;
      const site = await siteOf(pillar, test);
      const before = await site.model();
      expect(failed(await site.apply('package-rebuilder.create'))).toEqual([]);
      expect(pictureOf(await site.model(), await site.made())).toEqual(table(picture));

      const first = await untouched(site);
      const again = await site.apply('package-rebuilder.create');
      expect([failed(again), changed(again), await untouched(site)]).toEqual([[], [], first]);

      const policy = await readFile(site.path(policyPath), 'utf8');
      expect(judgedBy(policy, await site.model(), String(pillar.prefix ?? 'rebuilder'))).toEqual({
        lease: 'allow orchestrator',
        sign: 'allow vault',
        build: 'allow @dispvm dvm-debian',
        'out of the net-less': 'deny',
        'into the vault': 'deny',
      });

      expect(failed(await site.apply(...removal))).toEqual([]);
      const { 'fedora-42-minimal': fetched, ...left } = await site.model();
      expect(left).toEqual(before);
      expect(fetched === undefined).toBe(!picture.includes('fedora-42-minimal'));
      await expect(stat(site.path(policyPath))).rejects.toThrow('ENOENT');
      await expect(stat(site.path('srv/salt/package-rebuilder/packages'))).rejects.toThrow('ENOENT');
    });
  }

  it('start what stands, once, and let disposable bases be', async (test) => {
    const { expect } = test;
    const site = await siteOf({}, test);
    await site.apply('package-rebuilder.install');
    expect(failed(await site.apply('package-rebuilder.configure'))).toEqual([]);
    const running = Object.entries(await site.model()).filter(([, { power }]) => power === 'Running');
    expect(running.map(([one]) => one).sort()).toEqual([
      'rebuilder-attester',
      'rebuilder-getter',
      'rebuilder-orchestrator',
      'rebuilder-reporter',
      'rebuilder-uploader',
      'rebuilder-vault',
      'rebuilder-worker',
    ]);
    const first = await untouched(site);
    expect(failed(await site.apply('package-rebuilder.configure'))).toEqual([]);
    expect(await untouched(site)).toEqual(first);
  });

  it('make the suite smaller again, and forget who may steer it no more', async (test) => {
    const { expect } = test;
    const site = await siteOf({ rebuilders: 2, webhook: true, admins: ['work'] }, test);
    await site.apply('package-rebuilder.create');
    expect((await site.model()).work?.tags).toEqual(['created-by-dom0', 'package-rebuilder-admin']);
    await site.setPillar({ templates: { fedora: '' } });
    expect(failed(await site.apply('package-rebuilder.create'))).toEqual([]);
    const left = without(defaults, '-tpl-fedora');
    expect(pictureOf(await site.model(), await site.made())).toEqual(table(left));
    expect((await site.model()).work?.tags).toEqual(['created-by-dom0']);
  });

  it('say in a dry run what they would do, and do nothing', async (test) => {
    const { expect } = test;
    const site = await siteOf({}, test);
    const before = await site.model();
    const states = await site.apply('package-rebuilder.create', 'test=True');
    expect(failed(states)).toEqual([]);
    expect(await site.model()).toEqual(before);
    await site.apply('package-rebuilder.create');
    await site.setPillar({ netvm: 'sys-firewall', qubes: { getter: { memory: 999 } }, rebuilders: 2 });
    const made = await site.model();
    expect(failed(await site.apply('package-rebuilder.create', 'test=True'))).toEqual([]);
    expect(await site.model()).toEqual(made);
  });

  it('make nothing while dom0 carries no package for a template', async (test) => {
    const { expect } = test;
    const site = await siteOf({}, test);
    await rm(site.path('share/package-rebuilder-dom0'), { recursive: true });
    const [refused] = failed(await site.apply('package-rebuilder.create'));
    expect(refused).toBe(
      '/usr/share/package-rebuilder-dom0/packages: /usr/share/package-rebuilder-dom0/packages: found 0 files package-rebuilder_*.deb, expected one: install a package-rebuilder-dom0 that carries it, or set packages: archive',
    );
    expect(await site.made()).toEqual([]);
    await site.setPillar({ packages: 'archive' });
    expect(failed(await site.apply('package-rebuilder.create'))).toEqual([]);
  });

  it('remove nothing until they are told so', async (test) => {
    const { expect } = test;
    const site = await siteOf({}, test);
    await site.apply('package-rebuilder.create');
    const made = await site.model();
    const refused = failed(await site.apply('package-rebuilder.remove'));
    expect(refused.join()).toContain('pillar=\'{"package-rebuilder": {"remove": "everything"} }\'');
    expect(refused.join()).toContain('rebuilder-vault');
    expect(await site.model()).toEqual(made);
  });
});

/** What dom0 would decide by this policy with these qubes; names without their prefix. */
function judgedBy(text: string, qubes: Readonly<Record<string, Qube>>, prefix: string) {
  const policy = parsePolicyText(text);
  const system = describeSystem([
    { name: 'dom0', type: 'AdminVM', tags: [], powerState: 'Running', templateForDispvms: false },
    ...Object.entries(qubes).map(([name, { klass, tags, properties }]) => ({
      name,
      type: klass,
      tags,
      powerState: 'Running',
      templateForDispvms: properties.template_for_dispvms === true,
    })),
  ]);
  const ask = (source: string, service: string, argument: string, target: string): string => {
    const verdict = evaluate(policy, { source: `${prefix}-${source}`, service, argument, target }, system);
    return verdict.action === 'allow'
      ? `allow ${verdict.target.replace(`${prefix}-`, '').replace(':', ' ')}`
      : verdict.action;
  };
  return {
    lease: ask('getter', 'rebuilder.Lease', 'get', '@default'),
    sign: ask('attester', 'rebuilder.Sign', 'reproducible', '@default'),
    build: ask('worker', 'rebuilder.Build', 'deb', '@dispvm'),
    'out of the net-less': ask('worker', 'qubes.VMShell', '', '@dispvm'),
    'into the vault': ask('getter', 'qubes.VMShell', '', `${prefix}-vault`),
  };
}
