import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PolicyError } from '../../../../daemons/standalone/policy/errors.ts';
import type { PolicyRequest } from '../../../../daemons/standalone/policy/evaluate.ts';
import { evaluate } from '../../../../daemons/standalone/policy/evaluate.ts';
import { parsePolicyText } from '../../../../daemons/standalone/policy/text.ts';
import { bUuid, system } from './qubes.ts';

const named = fc.constantFrom('a', 'b', 'off', 'dvm', 'disp1', 'remote', 'nosuch', 'dom0', `uuid:${bUuid}`);
const source = fc.oneof(
  named,
  fc.constantFrom('*', '@anyvm', '@tag:base', '@tag:red', '@type:AppVM', '@adminvm'),
);
const redirect = fc.oneof(named, fc.constantFrom('@adminvm', '@dispvm', '@dispvm:dvm'));
const target = fc.oneof(source, redirect, fc.constantFrom('@default', '@dispvm:@tag:base'));
const service = fc.constantFrom('S', 'T');
const argument = fc.constantFrom('', 'x');

const columns = fc.oneof(
  fc.constant('* *'),
  fc.tuple(service, fc.constantFrom('*', '+', '+x')).map((pair) => pair.join(' ')),
);
const flags = fc.record({
  notify: fc.constantFrom('', ' notify=yes', ' notify=no'),
  autostart: fc.constantFrom('', '', ' autostart=yes', ' autostart=no'),
  user: fc.constantFrom('', ' user=root'),
});
const action = fc.oneof(
  fc
    .tuple(fc.constantFrom('allow', 'ask'), redirect, flags)
    .map(([word, to, { notify, autostart, user }]) => `${word} target=${to}${user}${autostart}${notify}`),
  flags.map(({ notify }) => `deny${notify}`),
  flags.map(({ notify, autostart }) => `ask${autostart}${notify}`),
);
const bareAllow = fc
  .tuple(columns, source, target)
  .filter(([, , to]) => to !== '@default')
  .map((fields) => `${fields.join(' ')} allow`);
const rule = fc.oneof(
  fc.tuple(columns, source, target, action).map((fields) => fields.join(' ')),
  bareAllow,
);
const policyLines = fc.array(rule, { maxLength: 8 });
const request: fc.Arbitrary<PolicyRequest> = fc.record({
  service: fc.constantFrom('S', 'T', 'U'),
  argument,
  source: fc.constantFrom('a', 'b', 'off', 'disp1', 'remote'),
  target: fc.oneof(redirect, fc.constantFrom('', '@default')),
});

const verdictOf = (lines: readonly string[], asked: PolicyRequest) =>
  evaluate(parsePolicyText(lines.join('\n')), asked, system);

describe('any policy and any call', () => {
  it('end in a verdict', () => {
    fc.assert(
      fc.property(policyLines, request, (lines, asked) => {
        const verdict = verdictOf(lines, asked);
        expect(['allow', 'ask', 'deny']).toContain(verdict.action);
      }),
      { numRuns: 2_000 },
    );
  });

  it('are judged by the first rule that decides alone: later rules change no allow and no deny of it', () => {
    fc.assert(
      fc.property(policyLines, policyLines, request, (lines, more, asked) => {
        const verdict = verdictOf(lines, asked);
        // What a person is offered, and a call that no rule matched, do depend on later rules.
        const undecided = /no matching rule found|no target is available/;
        if (verdict.action === 'ask' || (verdict.action === 'deny' && undecided.test(verdict.reason))) return;
        expect(verdictOf([...lines, ...more], asked)).toEqual(verdict);
      }),
      { numRuns: 2_000 },
    );
  });

  it('are allowed only by an allow rule, to a qube that exists and is not the caller', () => {
    fc.assert(
      fc.property(policyLines, request, (lines, asked) => {
        const verdict = verdictOf(lines, asked);
        if (verdict.action !== 'allow') return;
        expect(lines[(verdict.rule.line ?? 0) - 1]?.split(' ')[4]).toBe('allow');
        expect(system.find(verdict.target.replace('@dispvm:', ''))).toBeDefined();
        // dom0 compares the caller with the target as it was written: its own uuid it lets pass.
        if (![asked.target, ...lines].some((text) => text.includes('uuid:'))) {
          expect(verdict.target).not.toBe(asked.source);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('are denied after one rule that denies everything', () => {
    fc.assert(
      fc.property(policyLines, request, (lines, asked) => {
        expect(verdictOf(['* * * * deny', ...lines], asked)).toMatchObject({ action: 'deny' });
      }),
    );
  });

  it('do not depend on blanks, blank lines and comments', () => {
    const blank = fc.constantFrom(' ', '\t', '  \u00a0', '\x0b ');
    fc.assert(
      fc.property(policyLines, request, blank, (lines, asked, between) => {
        const spread = lines.flatMap((line) => [
          '',
          '# comment',
          between + line.replaceAll(' ', between) + between,
        ]);
        const [plain, other] = [verdictOf(lines, asked), verdictOf(spread, asked)];
        expect(other.action).toBe(plain.action);
        if (plain.action === 'allow')
          expect(other).toMatchObject({ target: plain.target, notify: plain.notify });
      }),
    );
  });

  it('mean the same in a file of !include-service', () => {
    const serviceLine = fc.tuple(source, target, action).map((fields) => fields.join(' '));
    fc.assert(
      fc.property(fc.array(serviceLine, { maxLength: 6 }), request, (lines, asked) => {
        const direct = verdictOf(
          lines.map((line) => `S +x ${line}`),
          asked,
        );
        const files = { __main__: '!include-service S +x s', s: lines.join('\n').replaceAll('@', '$') };
        const included = evaluate(parsePolicyText(files), asked, system);
        expect(included.action).toBe(direct.action);
        if (direct.action === 'allow') expect(included).toMatchObject({ target: direct.target });
      }),
    );
  });
});

describe('any text', () => {
  const scrap = fc.constantFrom(
    '@',
    '!include',
    '!compat-4.0',
    '+',
    '*',
    '=',
    "'",
    '"',
    '\\',
    ',',
    '$',
    '#',
    '\r',
    '\0',
  );
  const line = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc
      .array(fc.oneof(scrap, rule, fc.string({ maxLength: 5 })), { maxLength: 8 })
      .map((parts) => parts.join(' ')),
  );

  it('is a policy, or is refused with its file and line', () => {
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 6 }),
        fc.array(line, { maxLength: 4 }),
        request,
        (main, old, asked) => {
          try {
            const policy = parsePolicyText(
              { __main__: main.join('\n'), x: old.join('\n') },
              { S: old.join('\n') },
            );
            expect(evaluate(policy, asked, system)).toHaveProperty('action');
          } catch (error) {
            expect(error).toBeInstanceOf(PolicyError);
            expect(String(error)).toMatch(/\[in-memory\]:\d+: /);
          }
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('can be what a caller asks for', () => {
    const anything = fc.string({ unit: 'binary', maxLength: 30 });
    fc.assert(
      fc.property(anything, anything, anything, (askedService, askedArgument, askedTarget) => {
        const asked = { service: askedService, argument: askedArgument, source: 'a', target: askedTarget };
        expect(verdictOf(['* * * @anyvm allow', '* * * dom0 deny'], asked)).toHaveProperty('action');
      }),
      { numRuns: 1_000 },
    );
  });
});
