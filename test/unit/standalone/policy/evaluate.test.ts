import { describe, expect, it } from 'vitest';
import { evaluate } from '../../../../daemons/standalone/policy/evaluate.ts';
import { describeSystem } from '../../../../daemons/standalone/policy/system.ts';
import { parsePolicyText } from '../../../../daemons/standalone/policy/text.ts';
import { bUuid, call, inShort, qube, system } from './qubes.ts';

const place = (line: number) => ({ file: '__main__[in-memory]', line });

describe('an allowed call', () => {
  it('carries user, autostart and notify of its rule, and where the rule is', () => {
    expect(call('# first\nS * a b allow user=root autostart=no notify=yes', 'S a b')).toEqual({
      action: 'allow',
      target: 'b',
      source: 'a',
      user: 'root',
      autostart: false,
      notify: true,
      rule: place(2),
    });
  });

  it('has no user, starts the target and notifies nobody unless told otherwise', () => {
    expect(call('S * a b allow user=', 'S a b')).toEqual({
      action: 'allow',
      target: 'b',
      source: 'a',
      autostart: true,
      notify: false,
      rule: place(1),
    });
  });

  it.each([
    ['a name', 'S * a @default allow target=off', 'allow off'],
    ['a uuid, told as the name', `S * a @default allow target=uuid:${bUuid}`, 'allow b'],
    ['dom0', 'S * a @default allow target=@adminvm', 'allow dom0'],
    ["the caller's base", 'S * a @default allow target=@dispvm', 'allow @dispvm:dvm'],
    ['a base by name', 'S * a @default allow target=@dispvm:dvm', 'allow @dispvm:dvm'],
    ['what is no base', 'S * a @default allow target=@dispvm:b', 'deny'],
  ])('goes where the rule redirects it: %s', (_what, policy, verdict) => {
    expect(inShort(call(policy, "S a ''"))).toBe(verdict);
  });

  it('reaches a RemoteVM through its relay, as the default user', () => {
    expect(call('S * a remote allow user=root', 'S+x a remote')).toMatchObject({
      target: 'relay',
      service: 'x.Relay+remote+S+x',
      source: 'a',
    });
    expect(call('S * a remote allow user=root', 'S+x a remote')).not.toHaveProperty('user');
    expect(call('S * a remote2 allow', 'S a remote2')).toMatchObject({
      reason: 'remote2: relayvm is not set',
    });
  });
});

describe('a call on behalf of a RemoteVM', () => {
  const policy = parsePolicyText('S * remote b allow\nS * remote dom0 allow');
  const asked = (source: string, requestedSource: string, target = 'b') =>
    evaluate(policy, { service: 'S', argument: '', source, target, requestedSource }, system);

  it('is judged as a call of the RemoteVM when its relay makes it', () => {
    expect(asked('relay', 'remote')).toMatchObject({ target: 'b', source: 'remote' });
    expect(asked('relay', 'remote', 'dom0')).toMatchObject({ target: 'dom0', source: 'relay' });
  });

  it.each([
    ['a', 'remote', 'a is not a relay for remote'],
    ['a', 'b', 'b: requested source is only authorized for RemoteVM'],
    ['a', 'nosuch', "unknown requested source qube 'nosuch'"],
  ])('is refused when %s claims to be %s', (source, claimed, reason) => {
    expect(asked(source, claimed)).toEqual({ action: 'deny', reason, notify: true });
  });
});

describe('a denial', () => {
  it.each([
    ['S * a b deny', 'S a b', 'denied by policy __main__[in-memory]:1', true],
    ['S * a b deny notify=no', 'S a b', 'denied by policy __main__[in-memory]:1', false],
    ['S * a b allow', 'T a b', 'no matching rule found', true],
    [
      'S * a @anyvm allow',
      "S a ''",
      "policy define 'allow' action at __main__[in-memory]:1 but no target is specified by caller or policy",
      true,
    ],
    [
      'S * b @dispvm allow',
      'S b @dispvm',
      "policy define 'allow' action to @dispvm at __main__[in-memory]:1 but no DispVM base is set for this VM",
      true,
    ],
    [
      'S * a off allow autostart=no notify=no',
      'S a off',
      'target off is denied because it would require autostart',
      false,
    ],
    [
      'S * a off ask autostart=no',
      'S a off',
      "policy define 'ask' action at __main__[in-memory]:1 but no target is available to choose from",
      true,
    ],
    ['S * a * allow', 'S a @dispvm:b', 'not a template for dispvm: b', true],
    ['S * a a allow', 'S a a', 'loopback qrexec connection not supported', true],
    ['S * a * allow', 'S a @tag:x', "<unknown>:0: invalid intendedtarget token: '@tag:x'", true],
  ])('of %j and the call %j says why', (policy, asked, reason, notify) => {
    expect(call(policy, asked)).toEqual({ action: 'deny', reason, notify });
  });

  it('ends the search where dom0 itself breaks off: @dispvm against a named base, and the caller has none', () => {
    expect(inShort(call('S * b @dispvm:dvm allow\nS * b @dispvm allow target=a', 'S b @dispvm'))).toBe(
      'deny',
    );
    expect(inShort(call('S * b @dispvm allow target=a', 'S b @dispvm'))).toBe('allow a');
  });

  it('meets a caller whose base does not exist', () => {
    const odd = describeSystem([qube('a', { defaultDispvm: 'gone' })]);
    expect(call('S * a @dispvm allow', 'S a @dispvm', odd)).toMatchObject({ action: 'deny' });
    expect(call('S * a @dispvm:@tag:x allow', 'S a @dispvm', odd)).toMatchObject({ action: 'deny' });
    expect(call('S * a @dispvm ask', 'S a @dispvm', odd)).toMatchObject({ action: 'deny' });
  });
});

describe('a call that a person would be asked about', () => {
  it('offers what later rules leave, less the caller and what is internal', () => {
    const policy = 'S * a @anyvm ask default_target=b\nS * a off deny\nS * a @tag:base deny';
    expect(call(policy, 'S a b')).toEqual({
      action: 'ask',
      choices: ['@dispvm:dvm', 'b', 'disp1', 'dvm', 'off', 'relay', 'remote', 'remote2'],
      preselected: 'b',
      autostart: true,
      notify: false,
      rule: place(1),
    });
  });

  it('does not offer what an earlier rule denies', () => {
    const policy = 'S * a off deny\nS * a @tag:base deny\nS * a @anyvm ask';
    expect(call(policy, 'S a b')).toMatchObject({
      choices: ['@dispvm:dvm', 'b', 'relay', 'remote', 'remote2'],
    });
  });

  it('offers only the redirect, preselects only what it offers', () => {
    expect(call('S * a * ask target=@adminvm default_target=b', 'S a b')).toMatchObject({
      choices: ['dom0'],
    });
    expect(call('S * a * ask target=b default_target=off', 'S a b')).not.toHaveProperty('preselected');
    expect(call('S * a @dispvm ask default_target=@dispvm', 'S a @dispvm')).toMatchObject({
      preselected: '@dispvm:dvm',
    });
  });

  it('offers only what runs when it may not be started', () => {
    expect(call('S * a @anyvm ask autostart=no', 'S a b')).toMatchObject({
      choices: ['b', 'disp1', 'relay', 'remote', 'remote2'],
    });
  });
});
