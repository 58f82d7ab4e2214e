import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../daemons/standalone/policy/evaluate.ts';
import { loadPolicy } from '../../daemons/standalone/policy/load.ts';
import { describeSystem } from '../../daemons/standalone/policy/system.ts';
import { otherCalls, ownCalls, qubes, sources, targets } from '../support/policy-machine.ts';
import { askPython } from '../support/python.ts';

/** Where dom0's package qubes-core-qrexec has its Python, or a checkout of it: nothing else has that parser. */
const parser = process.env.QUBES_QREXEC;

const verdicts = `
import json, sys
from qrexec.exc import AccessDenied
from qrexec.policy.parser import Request, StringPolicy

asked = json.load(sys.stdin)
domains = {}
for qube in asked['qubes']:
    domains[qube['name']] = domains['uuid:' + qube['uuid']] = qube
policy = StringPolicy(policy={'__main__': asked['policy']})
found = []
for service, argument, source, target in asked['calls']:
    try:
        resolution = policy.evaluate(
            Request(service, '+' + argument, source, target, system_info={'domains': domains}))
        found.append(str(resolution.target))
    except AccessDenied:
        found.append(None)
json.dump(found, sys.stdout)
`;

describe.skipIf(parser === undefined)("Qubes' own policy parser", () => {
  it('gives every call the verdict that ours gives', () => {
    const folder = join(import.meta.dirname, '../../qrexec/policy');
    const policy = loadPolicy([folder]);
    const system = describeSystem(qubes);
    const calls = sources.flatMap((source) =>
      [...ownCalls, ...otherCalls].flatMap(([service, argument]) =>
        targets.map((target) => [service, argument, source, target] as const),
      ),
    );
    const ours = calls.map(([service, argument, source, target]) => {
      const verdict = evaluate(policy, { service, argument, source, target }, system);
      return verdict.action === 'allow' ? verdict.target : null;
    });
    const theirs = askPython(
      verdicts,
      {
        policy: readFileSync(join(folder, '31-package-rebuilder.policy'), 'utf8'),
        qubes: qubes.map((qube, at) => ({
          name: qube.name,
          type: qube.type,
          tags: qube.tags,
          default_dispvm: qube.defaultDispvm,
          template_for_dispvms: qube.templateForDispvms,
          power_state: qube.powerState,
          icon: '',
          label: '',
          guivm: null,
          uuid: `00000000-0000-0000-0000-${String(at).padStart(12, '0')}`,
        })),
        calls,
      },
      { PYTHONPATH: parser ?? '' },
    );
    const both = calls.map((call, at) => ({ call, ours: ours[at], theirs: (theirs as unknown[])[at] }));
    const named = (target: unknown) => (target === '@adminvm' ? 'dom0' : target);
    expect(both.filter((one) => named(one.ours) !== named(one.theirs)).slice(0, 5)).toEqual([]);
    expect(both.filter((one) => one.theirs !== null).length).toBeGreaterThan(100);
  });
});
