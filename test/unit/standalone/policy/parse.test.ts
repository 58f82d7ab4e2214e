import { describe, expect, it } from 'vitest';
import { PolicyError, PolicySyntaxError } from '../../../../daemons/standalone/policy/errors.ts';
import { maxIncludeDepth } from '../../../../daemons/standalone/policy/parse.ts';
import { parsePolicyText } from '../../../../daemons/standalone/policy/text.ts';
import { call, inShort } from './qubes.ts';

describe('a line that is no rule', () => {
  it.each([
    ['S * a b', 'wrong number of fields'],
    ['S * a b alow', 'invalid action: alow'],
    ['S * a b allow # why', "invalid action parameter syntax: '#'"],
    ["S * a b allow it's", 'invalid action parameter syntax: "it\'s"'],
    ['S * a b allow notify=yes notify=no', "parameter given twice: 'notify'"],
    ['S * a b allow notify=maybe', "'notify' is 'maybe', but can be only 'yes' or 'no'"],
    ['S * a b deny autostart=', "'autostart' is '', but can be only 'yes' or 'no'"],
    ['S * a b allow default_target=b', "invalid parameters for action Allow: ['default_target=b']"],
    ['S * a b ask x=y notify=no', "invalid parameters for action Ask: ['x=y', 'notify=no']"],
    ['S * a b deny user=root', "invalid parameters for action Deny: ['user=root']"],
    ['S * @dispvm b allow', "invalid source token: '@dispvm'"],
    ['S * @default b allow', "invalid source token: '@default'"],
    ['S * a @nope allow', "invalid target token: '@nope'"],
    ['S * a b allow target=@tag:x', "invalid redirect token: '@tag:x'"],
    ['S * a b allow target=*', "invalid redirect token: '*'"],
    ['S * a b allow target=', 'invalid empty redirect token'],
    ['S * @tag: b allow', "invalid empty @tag: token: '@tag:'"],
    ['S * a @dispvm:@tag: allow', "invalid empty @dispvm:@tag: token: '@dispvm:@tag:'"],
    ['S/T * a b allow', "service 'S/T' contains invalid characters: ('/',)"],
    ['S+x * a b allow', "service 'S+x' contains invalid characters: ('+',)"],
    ['S +a/é a b allow', "argument '+a/é' contains invalid characters: ('/', 'é')"],
    ['S x a b allow', "argument 'x' does not start with +"],
    ['* +x a b allow', 'only * argument allowed for * service'],
    ['S * a @default allow', 'allow action for @default rule must specify target= option'],
    ['!nope', 'invalid directive'],
    ['! include x', 'invalid directive'],
    ['!include', 'invalid number of params'],
    ['!include a b', 'invalid number of params'],
    ['!include-dir', 'invalid number of params'],
    ['!include-service S *', 'invalid number of params'],
    ['!compat-4.0 x', 'invalid number of params'],
    ['!include-service * +x include/s', 'only * argument allowed for * service'],
    ['!include nowhere', "no such policy file: 'nowhere'"],
    [
      '\u{1f600}\u200b * a b allow',
      "service '\u{1f600}\\u200b' contains invalid characters: ('\\u200b', '\u{1f600}')",
    ],
  ])('%j: %s', (line, what) => {
    expect(() => parsePolicyText(`# one\n\n${line}\n`)).toThrow(
      new PolicySyntaxError('__main__[in-memory]', 3, what),
    );
  });
});

describe('a policy', () => {
  it('is comments, blank lines and rules with any blanks between', () => {
    const policy = parsePolicyText('\n  # a b c\n\tS\u00a0*  a\tb allow \u2003 notify=yes\x1c\n#\n');
    expect(policy.rules).toHaveLength(1);
    expect(call(policy, 'S a b')).toMatchObject({ action: 'allow', notify: true });
  });

  it('takes the rules of an included file where the line stands', () => {
    const policy = parsePolicyText({
      __main__: 'S * a b deny\n!include include/x\nT * a b deny',
      'include/x': 'S * a b allow\nT * a b allow',
    });
    expect([call(policy, 'S a b'), call(policy, 'T a b')].map(inShort)).toEqual(['deny', 'allow b']);
  });

  it('reads a service file in its old spelling too, and what that includes', () => {
    const policy = parsePolicyText({
      __main__: '!include-service S +x include/s',
      'include/s': 'a b allow,notify=yes\n$include:include/more',
      'include/more': '$anyvm $default ask,target=b',
    });
    expect(call(policy, 'S+x a b')).toMatchObject({ action: 'allow', notify: true });
    expect(call(policy, "S+x a ''")).toMatchObject({ action: 'ask', choices: ['b'] });
    expect(inShort(call(policy, 'S a b'))).toBe('deny');
  });

  it.each([
    ['!include-dir x', 'invalid directive'],
    ['!include', 'invalid number of params'],
    ['a', 'wrong number of fields'],
    ['a b', 'wrong number of fields'],
    [',', 'wrong number of fields'],
  ])('does not take %j in a service file', (line, what) => {
    const files = { __main__: '!include-service S * include/s', 'include/s': line };
    expect(() => parsePolicyText(files)).toThrow(new PolicySyntaxError('include/s[in-memory]', 1, what));
  });

  it('takes old files by !compat-4.0, arguments first, with the denies that they implied', () => {
    const main = 'T +z * * deny\n!compat-4.0\nS * @anyvm @anyvm allow\nT * @anyvm @anyvm allow';
    const policy = parsePolicyText(main, { S: 'a b deny', 'S+x': '$anyvm off allow', T: 'a b deny' });
    expect(inShort(call(policy, 'S+x a off'))).toBe('allow off');
    expect(call(policy, 'S+x a b')).toMatchObject({ reason: 'denied by policy S+x:None' });
    expect(call(policy, 'S a b')).toMatchObject({ reason: 'denied by policy S[in-memory]:1' });
    expect(inShort(call(policy, 'S a off'))).toBe('allow off');
    expect(inShort(call(policy, 'T a off'))).toBe('allow off');
  });

  it('may not include itself for ever', () => {
    expect(() => parsePolicyText({ __main__: '!include x', x: '!include x' })).toThrow(/nested too deeply/);
    const chain = Object.fromEntries(
      Array.from({ length: maxIncludeDepth - 1 }, (_, n) => [`f${n}`, `!include f${n + 1}`]),
    );
    const files = { ...chain, __main__: '!include f0', [`f${maxIncludeDepth - 1}`]: 'S * a b allow' };
    expect(parsePolicyText(files).rules).toHaveLength(1);
  });

  it('may not grow without end by including files twice', () => {
    const doubling = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => [`f${n}`, `!include f${n + 1}\n!include f${n + 1}`]),
    );
    const files = { ...doubling, __main__: '!include f0', f40: 'S * a b allow\n'.repeat(100) };
    expect(() => parsePolicyText(files)).toThrow(PolicyError);
  });
});
