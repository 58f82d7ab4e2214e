import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { doorQubes, suiteTag } from '../../daemons/lib/contracts/qubes.ts';
import { services } from '../../daemons/lib/contracts/services.ts';
import { splitGpgServices } from '../../daemons/lib/contracts/split-gpg.ts';
import { evaluate } from '../../daemons/standalone/policy/evaluate.ts';
import { loadPolicy } from '../../daemons/standalone/policy/load.ts';
import type { Policy } from '../../daemons/standalone/policy/parse.ts';
import { describeSystem } from '../../daemons/standalone/policy/system.ts';
import {
  designed,
  type Outcome,
  otherCalls,
  ownCalls,
  qubes,
  sources,
  targets,
} from '../support/policy-machine.ts';

const system = describeSystem(qubes);
let policy: Policy;
beforeAll(() => {
  policy = loadPolicy([join(import.meta.dirname, '../../qrexec/policy')]);
});

function judge(source: string, service: string, argument: string, target: string) {
  return evaluate(policy, { service, argument, source, target }, system);
}

/** Undefined where Qubes refuses a target before it looks at the policy. */
function outcome(source: string, service: string, argument: string, target: string): Outcome | undefined {
  const verdict = judge(source, service, argument, target);
  if (verdict.action === 'allow') return { to: verdict.target === '@adminvm' ? 'dom0' : verdict.target };
  if (verdict.action !== 'deny' || verdict.reason.startsWith('not a template')) return undefined;
  return verdict.reason === 'no matching rule found' ? 'left' : 'denied';
}

describe('the policy for dom0', () => {
  it.each([
    ["the suite's services", ownCalls],
    ["Qubes' own services", otherCalls],
  ] as const)('decides as the design does on every call of %s', (_of, calls) => {
    let allowed = 0;
    const wrong = sources.flatMap((source) =>
      calls.flatMap(([service, argument]) =>
        targets.flatMap((target) => {
          const [is, expected] = [
            outcome(source, service, argument, target),
            designed(source, [service, argument], target),
          ];
          if (typeof expected === 'object') allowed += 1;
          return is === undefined || JSON.stringify(is) === JSON.stringify(expected)
            ? []
            : [{ source, call: `${service}+${argument}`, target, is, expected }];
        }),
      ),
    );
    expect(wrong.slice(0, 10)).toEqual([]);
    expect(allowed).toBeGreaterThan(0);
  });

  it('allows as many calls as the contracts name, and no more', () => {
    const allowed = sources.flatMap((source) =>
      ownCalls.filter(([service, argument]) =>
        targets.some((target) => typeof outcome(source, service, argument, target) === 'object'),
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

  it('tells nobody of what a qube of the suite is denied of Qubes’ services', () => {
    const ours = qubes.filter(({ tags }) => tags.includes(suiteTag)).map(({ name }) => name);
    for (const source of ours) {
      for (const target of ['@default', 'dom0', '@dispvm', 'work']) {
        expect(judge(source, 'qubes.VMShell', '', target)).toMatchObject({ action: 'deny', notify: false });
      }
    }
    expect(ours).toContain('disp7');
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
});
