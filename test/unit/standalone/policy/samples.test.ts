import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PolicySyntaxError } from '../../../../daemons/standalone/policy/errors.ts';
import { evaluate } from '../../../../daemons/standalone/policy/evaluate.ts';
import {
  parseRule,
  parseServiceColumns,
  parseServiceRule,
} from '../../../../daemons/standalone/policy/rule.ts';
import {
  describeSystem,
  type QubeFacts,
  type SystemInfo,
} from '../../../../daemons/standalone/policy/system.ts';
import { parsePolicyText } from '../../../../daemons/standalone/policy/text.ts';
import { parseToken, type TokenPlace } from '../../../../daemons/standalone/policy/tokens.ts';
import { call, inShort } from './qubes.ts';

const samples = join(import.meta.dirname, '../../../../../shared/samples/07-qubes-policy');
const read = (name: string) => readFileSync(join(samples, name), 'utf8');

type Case = {
  test: string | null;
  kind: string;
  args: string[];
  kwargs: { policy?: string | Record<string, string>; policy_compat?: Record<string, string> };
  raises: string | null;
};

type SampleQube = {
  tags: string[];
  type: string;
  default_dispvm?: string | null;
  template_for_dispvms: boolean;
  power_state: string;
  uuid: string;
  internal?: boolean;
  relayvm?: string;
  transport_rpc?: string;
};

function sampleSystem(): SystemInfo {
  const { domains } = JSON.parse(read('parser-tests/system_info.json')) as {
    domains: Record<string, SampleQube>;
  };
  return describeSystem(
    Object.entries(domains).map(
      ([name, known]): QubeFacts => ({
        name,
        uuid: known.uuid,
        type: known.type,
        tags: known.tags,
        powerState: known.power_state,
        templateForDispvms: known.template_for_dispvms,
        ...(known.default_dispvm && { defaultDispvm: known.default_dispvm }),
        ...(known.internal && { internal: true }),
        ...(known.relayvm && { relayvm: known.relayvm }),
        ...(known.transport_rpc && { transportRpc: known.transport_rpc }),
      }),
    ),
  );
}

const place = { file: 'filename', line: 12 };

/** Does with a case what the test that it was taken from does. */
function attempt({ kind, args, kwargs }: Case): void {
  const [first = '', second = '', third = ''] = args;
  if (kind === 'StringPolicy') parsePolicyText(kwargs.policy ?? '', kwargs.policy_compat);
  else if (kind === 'Rule.from_line') parseRule(first, place);
  else if (kind === 'Rule.from_line_service') {
    parseServiceRule(parseServiceColumns(first, second, place), third, place);
  } else parseToken(kind.toLowerCase() as TokenPlace, first);
}

/** Lines of the syntax tests' second half that only an editor marks: dom0's parser takes them. */
const markedButTaken = [
  '* * * * deny',
  '* * ** test-m@e deny',
  '* * any&vm t=est deny',
  '* * a uuuid:12345678-abcd-abcd-abcd-12345678abcd         deny',
  '* * uuid::12345678-abcd-abcd-abcd-12345678abcd a         deny',
  '* * a @dispvm:uuid:g2345678-abcd-abcd-abcd-12345678abcd deny',
  '* * @dispvm:uuid:12345678-abcd-abcd-abcd-12345678abcd1 a deny',
  '* * @type:APPVM @type:AnY-+.ThInG deny',
  '* * * * ask   notify=yes autostart=no user=user target=target default_target=test',
  '* * * * ask target=@dispvm:uuid: default_target=@dispvm:uuid:a',
  '* * * * ask target=uuid: default_target=uuid:a',
];

/** Verdicts of the parser's own tests on the policy that its class TC_40_evaluate sets up, and on others of it. */
const ownPolicy = `
  * * test-vm1 test-vm2 allow
  * * test-vm1 @default allow target=test-vm2
  * * @tag:tag1 test-vm2 ask
  * * @tag:tag1 test-vm3 ask default_target=test-vm3
  * * @tag:tag2 @anyvm allow
  * * test-vm3 @anyvm deny`;
const verdicts: readonly (readonly [string, string, string])[] = [
  [ownPolicy, 'test-vm1 @default', 'allow test-vm2'],
  [ownPolicy, 'test-standalone @default', 'deny'],
  [ownPolicy, 'test-standalone test-vm2', 'ask'],
  [ownPolicy, 'uuid:6d7a02b5-532b-467f-b9fb-6596bae03c33 test-vm3', 'ask'],
  ['* * test-vm1 test-vm3 allow autostart=no', 'test-vm1 test-vm3', 'deny'],
  ['* * test-vm3 @default ask', 'test-vm3 @default', 'deny'],
  ['* * test-vm3 @dispvm allow', 'test-vm3 @dispvm', 'allow @dispvm:default-dvm'],
  ['* * test-no-dvm @dispvm allow', 'test-no-dvm @dispvm', 'deny'],
  ['* * test-vm3 @adminvm allow', 'test-vm3 dom0', 'allow dom0'],
  ['* * test-vm3 dom0 allow', 'test-vm3 @adminvm', 'allow dom0'],
  ['* * @anyvm @anyvm allow target=@dispvm:test-vm3', 'test-vm3 test-vm1', 'allow @dispvm:test-vm3'],
  ['* * @anyvm @anyvm allow target=@dispvm', 'test-no-dvm test-vm1', 'deny'],
  ['* * test-vm3 @anyvm allow target=no-such-vm', 'test-vm3 @default', 'deny'],
  [
    '* * @anyvm @anyvm allow target=uuid:b3eb69d0-f9d9-4c3c-ad5c-454500303ea4',
    'test-vm3 test-vm1',
    'allow test-vm2',
  ],
  ['* * test-vm1 test-remotevm1 allow', 'test-vm1 test-remotevm1', 'allow test-relayvm1'],
];

const present = existsSync(samples);
const cases = present ? (JSON.parse(read('parser-tests/cases.json')) as Case[]) : [];
const files = present
  ? readdirSync(samples, { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.endsWith('.policy') && !name.includes('old-format') && !name.includes('syntax-tests'),
    )
  : [];

describe('a line that only an editor marks', () => {
  it.each(markedButTaken)('%j is a rule', (line) => {
    expect(parsePolicyText(line).rules).toHaveLength(1);
  });
});

function describeSamples(): void {
  it.each(cases.filter(({ kind }) => kind !== 'invalid lines'))('$test: $kind $args', (sample) => {
    if (sample.raises === null) attempt(sample);
    else expect(() => attempt(sample)).toThrow(PolicySyntaxError);
  });

  it.each(cases.filter(({ kind }) => kind === 'invalid lines').flatMap(({ args }) => args))(
    'the line %j is refused, in either syntax',
    (line) => {
      expect(() => parseRule(`test.Service +argument ${line}`, place)).toThrow(PolicySyntaxError);
      const columns = parseServiceColumns('test.Service', '+argument', place);
      expect(() => parseServiceRule(columns, line, place)).toThrow(PolicySyntaxError);
    },
  );

  it('every policy among the cases decides about every pair of qubes', () => {
    const system = sampleSystem();
    const policies = cases.filter(({ kind, raises }) => kind === 'StringPolicy' && raises === null);
    for (const { kwargs } of policies) {
      const policy = parsePolicyText(kwargs.policy ?? '', kwargs.policy_compat);
      for (const { name: source } of system.qubes) {
        for (const target of ['@default', '@dispvm', '@adminvm', ...system.qubes.map(({ name }) => name)]) {
          const verdict = evaluate(
            policy,
            { service: 'test.Service', argument: 'argument', source, target },
            system,
          );
          expect(verdict).toHaveProperty('action');
        }
      }
    }
    expect(policies.length).toBeGreaterThan(10);
  });

  it.each(verdicts)('%j and the call %j give %s', (policy, asked, verdict) => {
    expect(inShort(call(policy, `test.Service+argument ${asked}`, sampleSystem()))).toBe(verdict);
  });

  it.each(files)('%s loads, a rule a line', (name) => {
    const text = read(name).replaceAll('{{ sls_path }}', 'media');
    const rules = text.split('\n').filter((line) => /^\s*[^#!\s]/.test(line));
    const include = (path: string) => (path.endsWith('-ro') ? read('admin-policy-ro') : '# empty');
    const included = [...text.matchAll(/include\/\S+/g)].map(([path]) => [path, include(path)] as const);
    const all = { __main__: text, ...Object.fromEntries(included), 'include/admin-policy-rwx': '' };
    expect(parsePolicyText(all).rules).toHaveLength(rules.length);
  });

  it.each(present ? readdirSync(join(samples, 'old-format')) : [])('old format %s loads', (name) => {
    const service = name.replace('.policy', '');
    const policy = parsePolicyText('!compat-4.0', { [service]: read(`old-format/${name}`) });
    expect(policy.rules.map((rule) => rule.service)).toEqual([service]);
  });

  it('of the syntax tests, the first half is taken and the second refused, line by line', () => {
    const stubs = { test: '', file: '', 'include/file_+-.test': '' };
    const taken = (line: string): boolean => {
      try {
        parsePolicyText({ ...stubs, __main__: line });
        return true;
      } catch (error) {
        // Out of memory there is no directory to include: the line itself is well-formed.
        return error instanceof PolicySyntaxError && error.what.startsWith('not a directory');
      }
    };
    const [valid = '', invalid = ''] = read('syntax-tests/qrexecpolicy.policy').split('## Invalid {{{');
    const lines = (half: string) => half.split('\n').filter((line) => /^\s*[^#\s]/.test(line));
    expect(lines(valid).filter((line) => !taken(line))).toEqual([]);
    expect(lines(invalid).filter(taken)).toEqual(markedButTaken);
  });
}

if (present) describe('the samples of qrexec policy', describeSamples);
