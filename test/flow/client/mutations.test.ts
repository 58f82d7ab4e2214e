import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Turns } from '../../../daemons/lib/daemon/turns.ts';
import type { VerifyReport } from '../../../daemons/rebuilderctl/verify/report.ts';
import { campaignSeed, drawn } from '../../support/campaign.ts';
import { runWith } from '../../unit/rebuilderctl/run.ts';
import { hostileMutations, neutralMutations, strictMutations } from './mutations/all.ts';
import { type Case, publishCases } from './mutations/publication.ts';
import { debianSaid, heardOf, isOutOfTime, methodSaid, verifySaid } from './mutations/said.ts';
import { type Methods, type Suite, Verifier } from './verifier.ts';
import { World } from './world.ts';

/**
 * Changes of a good publication, each with what apt's methods, Debian's and ours, and `rebuilderctl verify` have to say of
 * it. Packages under the same layout are fetched by one run of apt.
 */

const mutations = [
  ...drawn('mutations', hostileMutations),
  ...drawn('neutral mutations', neutralMutations),
  ...drawn('mutations that Debian’s method accepts', strictMutations),
];
/** In the order in which `publishCases` gives them. */
const titles = [
  'nothing, of one',
  'nothing, of two',
  'nothing, of one with a spare',
  ...mutations.map(({ of }) => of),
];

const judges = [
  ['Debian’s method in Debian 12', 'debian', 'bookworm'],
  ['ours in Debian 12', 'method', 'bookworm'],
  ['ours in Debian 13', 'method', 'trixie'],
  ['rebuilderctl verify', 'verify', undefined],
] as const;
const rebuilders = ['alice', 'bob'] as const;
const verifiersAtOnce = 2;
/** All of it takes two minutes, and four on a machine that is busy with others. */
const patienceMs = 3_600_000;
const tries = 4;

describe(`a good publication, mutated, SEED=${campaignSeed()}`, () => {
  let world: World;
  let cases: readonly Case[];
  /** What each judge said of each case. */
  const said = new Map<string, readonly string[]>();

  beforeAll(async () => {
    world = await World.open();
    cases = await publishCases(world, mutations);
    await Promise.all(
      judges.map(async ([title, what, suite]) => {
        said.set(title, suite === undefined ? await byHand() : await byApt(suite, what));
      }),
    );
  }, patienceMs);
  afterAll(() => world?.close());

  async function byApt(suite: Suite, what: 'debian' | 'method'): Promise<readonly string[]> {
    const methods: Methods = what === 'debian' ? 'debian' : 'ours';
    const verifier = await Verifier.make(world, suite, methods);
    await verifier.use(world.servers.archive.url.replace('http:', 'intoto:'));
    const answers = new Map<Case, string>();
    for (let left = cases, round = 1; left.length > 0; round++) {
      for (const together of grouped(left)) await ask(verifier, together, methods, answers);
      left = cases.filter((one) => !answers.has(one));
      if (round === tries)
        throw new Error(`no judgement in ${tries} runs: ${left.map(({ of }) => of).join('; ')}`);
    }
    return cases.map((one) => answers.get(one) ?? '');
  }

  async function ask(
    verifier: Verifier,
    together: readonly Case[],
    methods: Methods,
    answers: Map<Case, string>,
  ): Promise<void> {
    const [first] = together;
    if (first === undefined) return;
    await verifier.addLayout(first.layout.name, first.layout.content);
    const fetched = await verifier.fetch([...new Set(together.map((one) => one.package))], {
      rebuilders: rebuilders.map((name) => `${world.servers.rebuilders.url}/${name}`),
      layout: first.layout.name,
      keyids: first.owners.map((person) => world.fingerprint(person)),
    });
    for (const one of together) {
      const heard = heardOf(fetched, one.package, one.file);
      if (!isOutOfTime(heard)) answers.set(one, methods === 'debian' ? debianSaid(heard) : methodSaid(heard));
    }
  }

  async function byHand(): Promise<readonly string[]> {
    const folder = join(world.folder, 'by-hand');
    mkdirSync(folder);
    for (const person of ['owner', 'stranger'] as const) {
      writeFileSync(join(folder, `${person}.gpg`), world.publicKey(person));
    }
    for (const { layout } of cases) writeFileSync(layoutIn(folder, layout.name), layout.content);
    const turns = new Turns(verifiersAtOnce);
    return await Promise.all(cases.map((one) => turns.take(() => verify(one, folder))));
  }

  async function verify({ deb, layout, owners }: Case, folder: string): Promise<string> {
    const { out, err } = await runWith({}, [
      ...['verify', deb, '--layout', layoutIn(folder, layout.name), '--json'],
      ...owners.flatMap((person) => ['--owner-key', join(folder, `${person}.gpg`)]),
      ...rebuilders.flatMap((name) => ['--publication', `${world.servers.rebuilders.url}/${name}`]),
    ]);
    return out === '' ? err : verifySaid(JSON.parse(out) as VerifyReport);
  }

  it('is mutated in two hundred ways that nobody may accept', () => {
    expect(hostileMutations.length).toBeGreaterThanOrEqual(200);
  });

  describe.each(judges)('%s', (title, what) => {
    it.each(titles.map((of, at) => [`${at}: ${of}`, at] as const))('%s', (_title, at) => {
      expect(said.get(title)?.[at]).toBe(cases[at]?.expected[what]);
    });
  });
});

function layoutIn(folder: string, name: string): string {
  return join(folder, `${name}.layout`);
}

/** Those that one run of apt can be asked for. */
function grouped(cases: readonly Case[]): readonly (readonly Case[])[] {
  const groups = new Map<string, Case[]>();
  for (const one of cases) {
    const key = `${one.layout.name} ${one.owners.join(' ')}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()];
}
