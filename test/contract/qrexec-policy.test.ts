import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
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
import { allowedCalls } from '../support/policy-verdicts.ts';

const root = join(import.meta.dirname, '../..');
const system = describeSystem(qubes);
let policy: Policy;
beforeAll(() => {
  policy = loadPolicy([join(root, 'qrexec/policy')]);
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

  it('allows all that the table has, and the contracts name no more', () => {
    const words = (caller: string, service: string, argument: string) => `${caller} ${service}+${argument}`;
    const own = allowedCalls.filter((line) => / (?:rebuilder\.|qubes\.Gpg)/.test(line));
    const tabled = [...new Set(own.map((line) => line.split(' ').slice(0, 2).join(' ')))];
    const named = services.flatMap(({ service, allowed }) =>
      Object.entries(allowed).flatMap(([argument, who]) =>
        who.map((caller) => words(caller, service, argument)),
      ),
    );
    const gpg = splitGpgServices.flatMap(({ service, callers }) =>
      callers.map((caller) => words(caller, service, '')),
    );
    expect([...named, ...gpg].sort()).toEqual(tabled.sort());
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

  it('leaves the vault to whom the operator names, by the rule that the document has', () => {
    const rule = /^qubes\.Gpg2 \+ work .*$/m.exec(readFileSync(join(root, 'docs/qubes-os.md'), 'utf8'))?.[0];
    const theirs = mkdtempSync(join(tmpdir(), 'policy-'));
    try {
      writeFileSync(join(theirs, '30-user.policy'), `${rule}\n`);
      const both = loadPolicy([theirs, join(root, 'qrexec/policy')]);
      const ask = (source: string, service: string) =>
        evaluate(both, { service, argument: '', source, target: 'rebuilder-vault' }, system).action;
      expect([ask('work', 'qubes.Gpg2'), ask('work', 'qubes.Gpg'), ask('sys-net', 'qubes.Gpg2')]).toEqual([
        'ask',
        'deny',
        'deny',
      ]);
      expect(ask('rebuilder-attester', 'qubes.Gpg2')).toBe('allow');
    } finally {
      rmSync(theirs, { recursive: true });
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
});
