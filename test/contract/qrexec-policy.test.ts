import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { callers } from '../../daemons/lib/contracts/contract.ts';
import {
  callerTag,
  disposableBases,
  disposableTag,
  doorQubes,
  suiteTag,
} from '../../daemons/lib/contracts/qubes.ts';
import { services } from '../../daemons/lib/contracts/services.ts';
import { splitGpgServices } from '../../daemons/lib/contracts/split-gpg.ts';
import { evaluate } from '../../daemons/standalone/policy/evaluate.ts';
import { loadPolicy } from '../../daemons/standalone/policy/load.ts';
import type { Policy } from '../../daemons/standalone/policy/parse.ts';
import { describeSystem, type QubeFacts } from '../../daemons/standalone/policy/system.ts';

const ordinary = { type: 'AppVM', tags: [], powerState: 'Running', templateForDispvms: false } as const;

/** A machine with every qube of the suite, one that is no part of it, and Qubes' own. */
const qubes: readonly QubeFacts[] = [
  { ...ordinary, name: 'dom0', type: 'AdminVM' },
  { ...ordinary, name: 'sys-net' },
  { ...ordinary, name: 'default-dvm', templateForDispvms: true },
  { ...ordinary, name: 'work', defaultDispvm: 'default-dvm' },
  ...callers.map(
    (caller): QubeFacts => ({
      ...ordinary,
      name: `rebuilder-${caller}`,
      tags: [suiteTag, callerTag(caller)],
      defaultDispvm: 'default-dvm',
    }),
  ),
  ...Object.values(doorQubes).map(
    (name): QubeFacts => ({ ...ordinary, name, tags: [suiteTag], defaultDispvm: 'default-dvm' }),
  ),
  ...Object.values(disposableBases).map(
    (name): QubeFacts => ({
      ...ordinary,
      name,
      tags: [suiteTag, disposableTag],
      templateForDispvms: true,
      defaultDispvm: 'default-dvm',
    }),
  ),
  {
    ...ordinary,
    name: 'disp7',
    type: 'DispVM',
    tags: [suiteTag, disposableTag],
    defaultDispvm: 'default-dvm',
  },
];
const system = describeSystem(qubes);
const sources = qubes.map(({ name }) => name).filter((name) => name !== 'dom0');
const bases = ['default-dvm', ...Object.values(disposableBases)];
const targets = [
  '@default',
  '@adminvm',
  '@dispvm',
  'nosuch',
  ...qubes.map(({ name }) => name),
  ...bases.map((name) => `@dispvm:${name}`),
];

/** Every service there is, each with its arguments, with one too many, and with none. */
const calls: readonly (readonly [service: string, argument: string])[] = [
  ...services.flatMap(({ service, allowed }) =>
    [...new Set([...Object.keys(allowed), '', 'other', 'get+x'])].map(
      (argument) => [service, argument] as const,
    ),
  ),
  ...splitGpgServices.flatMap(({ service }) => [[service, ''] as const, [service, 'x'] as const]),
];

/** What DESIGN §3 says of a call: where it goes, or nowhere. */
function designed(source: string, service: string, argument: string, target: string): string | undefined {
  const caller = callers.find((role) => `rebuilder-${role}` === source);
  if (caller === undefined) return undefined;
  // A name that does not exist asks for the default.
  const named = target === 'nosuch' ? '@default' : target;
  const gpg = splitGpgServices.find((known) => known.service === service);
  if (gpg !== undefined) {
    const mayCall = argument === '' && (gpg.callers as readonly string[]).includes(caller);
    return mayCall && ['@default', doorQubes.vault].includes(named) ? doorQubes.vault : undefined;
  }
  const known = services.find((other) => other.service === service);
  if (known === undefined || !(known.allowed[argument] ?? []).includes(caller)) return undefined;
  if (known.door !== 'disposable') return named === '@default' ? doorQubes[known.door] : undefined;
  if (named !== '@dispvm') return undefined;
  return `@dispvm:${argument === 'rpm' ? disposableBases.fedora : disposableBases.debian}`;
}

let policy: Policy;
beforeAll(() => {
  policy = loadPolicy([join(import.meta.dirname, '../../qrexec/policy')]);
});

function judge(source: string, service: string, argument: string, target: string) {
  return evaluate(policy, { service, argument, source, target }, system);
}

function reached(source: string, service: string, argument: string, target: string): string | undefined {
  const verdict = judge(source, service, argument, target);
  return verdict.action === 'allow' ? verdict.target : undefined;
}

describe('the policy for dom0', () => {
  it('allows exactly the calls that the contracts name, to where the design sends them', () => {
    const wrong = sources.flatMap((source) =>
      calls.flatMap(([service, argument]) =>
        targets
          .map((target) => [
            source,
            `${service}+${argument}`,
            target,
            reached(source, service, argument, target),
          ])
          .filter(([, , target, got]) => got !== designed(source, service, argument, target ?? '')),
      ),
    );
    expect(wrong).toEqual([]);
    const allowed = sources.flatMap((source) =>
      calls.filter(([service, argument]) =>
        targets.some((target) => designed(source, service, argument, target) !== undefined),
      ),
    );
    const named = services.flatMap(({ allowed: who }) => Object.values(who).flat()).length;
    expect(allowed).toHaveLength(named + splitGpgServices.length);
  });

  it('asks nobody, forces no user, and starts what has to run', () => {
    for (const { action } of policy.rules) {
      expect(action.kind).not.toBe('ask');
      if (action.kind === 'allow') expect([action.user, action.autostart]).toEqual([undefined, true]);
    }
  });

  it("keeps every qube of the suite from Qubes' services that lead to others, without a notice", () => {
    const services = [
      'qubes.VMShell',
      'qubes.VMExec',
      'qubes.OpenURL',
      'qubes.Filecopy',
      'qubes.UpdatesProxy',
    ];
    const ours = qubes.filter(({ tags }) => tags.includes(suiteTag)).map(({ name }) => name);
    for (const source of ours) {
      for (const service of services) {
        for (const target of targets.filter((name) => !['dom0', '@adminvm'].includes(name))) {
          const verdict = judge(source, service, '', target);
          if (verdict.action === 'deny' && verdict.reason.startsWith('not a template')) continue;
          expect(verdict).toMatchObject({ action: 'deny', notify: false });
        }
      }
    }
    expect(ours.length).toBeGreaterThan(callers.length);
  });

  it('lets them ask dom0 for the time, but for a disposable', () => {
    for (const source of ['rebuilder-getter', 'rebuilder-vault']) {
      expect(reached(source, 'qubes.GetDate', 'nanoseconds', '@default')).toBe('dom0');
    }
    expect(judge('disp7', 'qubes.GetDate', 'nanoseconds', '@default')).toMatchObject({ action: 'deny' });
  });

  it('keeps a disposable from dom0, and leaves what other qubes of the suite ask dom0 to Qubes', () => {
    expect(judge('disp7', 'qubes.NotifyUpdates', '', 'dom0')).toMatchObject({
      reason: expect.stringMatching(/^denied by policy/),
    });
    const other = judge('rebuilder-getter', 'qubes.NotifyUpdates', '', 'dom0');
    expect(other).toMatchObject({ reason: 'no matching rule found' });
  });

  it('lets nobody else reach a qube of the suite, by any service', () => {
    for (const service of ['qubes.VMShell', 'qubes.Filecopy', 'qubes.Gpg', 'whatever']) {
      for (const { name } of qubes.filter(({ tags }) => tags.includes(suiteTag))) {
        expect(judge('work', service, '', name)).toMatchObject({
          action: 'deny',
          reason: expect.stringMatching(/^denied by policy/),
        });
      }
    }
  });

  it('protects the doors by name, should they have lost their tags', () => {
    const untagged = describeSystem(qubes.map((qube) => ({ ...qube, tags: [] })));
    for (const target of Object.values(doorQubes)) {
      const asked = { service: 'qubes.VMShell', argument: '', source: 'work', target };
      expect(evaluate(policy, asked, untagged)).toMatchObject({
        reason: expect.stringMatching(/^denied by policy/),
      });
    }
  });

  it('leaves alone what other qubes do with one another', () => {
    for (const [service, target] of [
      ['qubes.Gpg', '@default'],
      ['qubes.Filecopy', 'sys-net'],
      ['qubes.VMShell', '@dispvm'],
    ] as const) {
      expect(judge('work', service, '', target)).toMatchObject({ reason: 'no matching rule found' });
    }
  });
});
