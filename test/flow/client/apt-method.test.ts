import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { furnish, many } from './furnish.ts';
import { type Fetched, type Methods, type Options, type Suite, Verifier } from './verifier.ts';
import { World } from './world.ts';

/**
 * One table of cases for Debian's method, in its last release, and for ours, there and in the next: what real apt does
 * with a package of a real archive.
 */

interface Case extends Partial<Omit<Options, 'rebuilders' | 'keyids'>> {
  readonly of: string;
  readonly package?: string;
  /** Addresses below that of the rebuilders, or whole ones. */
  readonly rebuilders?: readonly string[];
  readonly keyids?: readonly ('owner' | 'stranger')[];
  readonly verdict: 'accepted' | 'refused';
  /** What ours says: the code of the refusal, or why it let something through. */
  readonly say?: string;
  /** Where Debian's method is no measure: what it does instead, and why. */
  readonly debian?: Readonly<{ does: 'hangs' | 'accepts'; why: string }>;
}

const cases: readonly Case[] = [
  { of: 'a package that was rebuilt', verdict: 'accepted', say: 'plain 1.0-1: verified, rebuilt by' },
  {
    of: 'an address with a slash at its end, and one with a path',
    rebuilders: ['alice/', 'bob//'],
    layout: 'two',
    verdict: 'accepted',
  },
  { of: 'an epoch under both names', package: 'epoch', verdict: 'accepted' },
  { of: 'an epoch under the name on disk', package: 'epoch-disk', verdict: 'accepted' },
  {
    of: 'an epoch under the name in the pool',
    package: 'epoch-pool',
    verdict: 'refused',
    say: 'file-not-in-link',
  },
  { of: 'a binNMU', package: 'binnmu', verdict: 'accepted' },
  {
    of: 'a binNMU of which only the plain version was rebuilt',
    package: 'binnmu-of',
    verdict: 'refused',
    say: 'link-not-found',
  },
  { of: 'a wrong hash', package: 'wrong', verdict: 'refused', say: 'hash-differs' },
  {
    of: 'sha512 beside sha256',
    package: 'two-hashes',
    verdict: 'refused',
    say: 'hash-set-differs',
  },
  {
    of: 'a link without the file',
    package: 'left-out',
    noFail: true,
    verdict: 'refused',
    say: 'file-not-in-link',
  },
  {
    of: 'no link',
    package: 'missing',
    verdict: 'refused',
    say: 'link-not-found: step rebuild asks for links by 1 of its keys, found 0',
  },
  {
    of: 'no link, and NoFail',
    package: 'missing',
    noFail: true,
    verdict: 'accepted',
    say: 'let through by APT::Intoto::NoFail',
  },
  { of: 'two of two', rebuilders: ['alice', 'bob'], layout: 'two', verdict: 'accepted' },
  {
    of: 'one of two',
    package: 'alone',
    rebuilders: ['alice', 'bob'],
    layout: 'two',
    verdict: 'refused',
    say: 'link-not-found',
  },
  {
    of: 'one of two, and NoFail',
    package: 'alone',
    rebuilders: ['alice', 'bob'],
    layout: 'two',
    noFail: true,
    verdict: 'accepted',
  },
  {
    of: 'two that list different files',
    package: 'disputed',
    rebuilders: ['alice', 'bob'],
    layout: 'two',
    verdict: 'refused',
    say: 'links-disagree',
  },
  {
    of: 'rebuilders that are away, have nothing or say nonsense, beside one',
    rebuilders: ['http://127.0.0.1:1', 'nobody', 'nonsense', 'alice'],
    verdict: 'accepted',
    say: 'W: intoto: no link from http://127.0.0.1:1: the connection was refused',
  },
  {
    of: 'rebuilders that are away, have nothing or say nonsense',
    rebuilders: ['http://127.0.0.1:1', 'nobody', 'nonsense'],
    verdict: 'refused',
    say: 'link-not-found',
  },
  {
    of: 'rebuilders that are away, have nothing or say nonsense, and NoFail',
    rebuilders: ['http://127.0.0.1:1', 'nobody', 'nonsense'],
    noFail: true,
    verdict: 'accepted',
  },
  { of: 'no rebuilder', rebuilders: [], verdict: 'refused', say: 'APT::Intoto::Rebuilders is not set' },
  { of: 'a rebuilder that is elsewhere now', rebuilders: ['moved'], verdict: 'accepted' },
  { of: 'a rebuilder by https', rebuilders: ['https:alice'], verdict: 'accepted' },
  { of: 'a layout that has expired', layout: 'expired', verdict: 'refused', say: 'layout-expired' },
  { of: 'a layout that somebody else signed', layout: 'foreign', verdict: 'refused', say: 'layout-unsigned' },
  {
    of: 'a layout that was changed after it was signed',
    layout: 'changed',
    verdict: 'refused',
    say: 'layout-signature-bad',
  },
  {
    of: 'a layout with the owner’s key id over another’s signature',
    layout: 'forged',
    verdict: 'refused',
    say: 'layout-signature-bad',
  },
  {
    of: 'a layout that one of two owners signed',
    keyids: ['owner', 'stranger'],
    verdict: 'refused',
    say: 'layout-unsigned',
  },
  { of: 'no layout', layout: 'none', noFail: true, verdict: 'refused', say: 'there is no such file' },
  { of: 'no owner', keyids: [], noFail: true, verdict: 'refused', say: 'APT::Intoto::Keyids is not set' },
  {
    of: 'a link by a key that the layout does not name',
    package: 'unlisted',
    verdict: 'refused',
    say: 'link-not-found',
  },
  {
    of: 'a link with the right key id over another’s signature',
    package: 'forged',
    noFail: true,
    verdict: 'refused',
    say: 'threshold-not-met',
  },
  {
    of: 'a link that was changed after it was signed',
    package: 'changed',
    noFail: true,
    verdict: 'refused',
    say: 'threshold-not-met',
  },
  {
    of: 'a link of another step',
    package: 'other-step',
    verdict: 'refused',
    say: 'wrong-step',
  },
  {
    of: 'a second link under the same eight digits in place of the first',
    rebuilders: ['alice', 'twin'],
    layout: 'twins',
    verdict: 'refused',
    say: 'replaced',
  },
  {
    of: 'a second link under the same eight digits, the good one',
    rebuilders: ['twin', 'alice'],
    layout: 'twins',
    verdict: 'accepted',
  },
  {
    of: 'the plain form of options',
    plainForm: true,
    verdict: 'accepted',
    debian: { does: 'hangs', why: 'its configuration reader dies, and apt waits' },
  },
  {
    of: 'a rebuilder that never answers, beside one',
    rebuilders: ['silent', 'alice'],
    more: 'Acquire::http::Timeout "2";',
    verdict: 'accepted',
    say: 'no whole answer within 2 s',
    debian: { does: 'hangs', why: 'requests are without a time limit' },
  },
  {
    of: 'a rebuilder that never answers',
    rebuilders: ['silent'],
    more: 'Acquire::http::Timeout "2";',
    verdict: 'refused',
    say: 'no whole answer within 2 s',
    debian: { does: 'hangs', why: 'requests are without a time limit' },
  },
  {
    of: 'a package that the archive calls otherwise',
    package: 'disguised',
    verdict: 'refused',
    say: 'disguised_1.0-1_all.dat, not name_version_architecture.deb',
    debian: {
      does: 'accepts',
      why: 'the ending of the name on disk comes from the archive; it lets all but .deb pass',
    },
  },
  {
    of: 'a redirect, which apt follows by the method that it names',
    package: 'redirected',
    verdict: 'refused',
    say: 'link-not-found',
    debian: { does: 'accepts', why: 'apt fetches it by its own http method then' },
  },
  {
    of: 'a redirect to https, where the package is one that was rebuilt',
    package: 'to-https',
    verdict: 'accepted',
    say: 'to-https 1.0-1: verified',
    debian: { does: 'accepts', why: 'apt fetches it by its own https method then' },
  },
];

const verifiers: readonly (readonly [string, Suite, Methods])[] = [
  ['Debian’s method in Debian 12', 'bookworm', 'debian'],
  ['ours in Debian 12', 'bookworm', 'ours'],
  ['ours in Debian 13', 'trixie', 'ours'],
];

describe('apt with the method intoto', () => {
  let world: World;
  let layouts: ReadonlyMap<string, string>;
  beforeAll(async () => {
    world = await World.open();
    layouts = await furnish(world);
  });
  afterAll(() => world?.close());

  describe.each(verifiers)('%s', (_title, suite, methods) => {
    let verifier: Verifier;
    beforeAll(async () => {
      verifier = await Verifier.make(world, suite, methods);
      for (const [name, text] of layouts) await verifier.addLayout(name, text);
      await verifier.use(world.servers.archive.url.replace('http:', 'intoto:'));
    });

    const options = ({
      rebuilders = ['alice'],
      keyids = ['owner'],
      layout = 'one',
      noFail = false,
      plainForm = false,
      more = '',
    }: Partial<Case> = {}): Options => ({
      ...{ layout, noFail, plainForm, more },
      rebuilders: rebuilders.map(address),
      keyids: keyids.map((person) => world.fingerprint(person)),
    });
    const address = (name: string) => {
      if (name.startsWith('http')) {
        const [, tls] = /^https:(\w.*)$/.exec(name) ?? [];
        return tls === undefined ? name : `${world.servers.rebuildersTls.url}/${tls}`;
      }
      return `${world.servers.rebuilders.url}/${name}`;
    };

    const applying = cases.filter(({ debian }) => methods === 'ours' || debian?.does !== 'hangs');
    /** Packages with the same options are fetched by one run of apt. */
    const runs = new Map<string, Promise<Fetched>>();
    const runOf = (one: Case): Promise<Fetched> => {
      const key = JSON.stringify(options(one));
      const together = applying.filter((other) => JSON.stringify(options(other)) === key);
      const run = runs.get(key) ?? verifier.fetch([...new Set(together.map(packageOf))], options(one));
      runs.set(key, run);
      return run;
    };

    it.each(applying.map((one) => [one.of, one] as const))('%s', async (_of, one) => {
      const { log, files } = await runOf(one);
      const { name } = world.file(packageOf(one));
      const expected = methods === 'debian' && one.debian !== undefined ? 'accepted' : one.verdict;
      expect(files.includes(name) ? 'accepted' : 'refused', log).toBe(expected);
      const failure = `E: Failed to fetch intoto://[^ ]*/${packageOf(one)}_`;
      if (expected === 'refused') expect(log).toMatch(new RegExp(failure));
      else expect(log).not.toMatch(new RegExp(failure));
      if (methods === 'ours' && one.say !== undefined) expect(linesAbout(log, one)).toContain(one.say);
    });

    it('installs what is accepted', async () => {
      await verifier.configure(options());
      const { accepted, log } = await verifier.root.apt('install', '-y', 'plain', 'epoch');
      expect(accepted, log).toBe(true);
      expect((await verifier.root.run('dpkg-query', ['-W', 'plain', 'epoch'])).log).toContain(
        '1:2.0~rc1+dfsg-1',
      );
    });

    it('fetches many packages, and keeps the one that is refused from the rest', async () => {
      const { accepted, log, files } = await verifier.fetch([...many, 'missing'], options());
      expect(accepted, log).toBe(false);
      expect([...files].sort()).toEqual(many.map((name) => world.file(name).name).sort());
    });
  });
});

function packageOf(one: Case): string {
  return one.package ?? 'plain';
}

/** Those that name the package, and warnings, which are about rebuilders. */
function linesAbout(log: string, one: Case): string {
  const name = packageOf(one);
  return log
    .split('\n')
    .filter((line) => line.startsWith('W: ') || new RegExp(`\\b${name}[_ ]`).test(line))
    .join('\n');
}
