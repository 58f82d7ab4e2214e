import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRpcConfig, RpcConfigError } from '../../../../daemons/standalone/agent/rpc-config.ts';

const nothing = {
  waitForSession: false,
  skipServiceDescriptor: false,
  exitOnServiceEof: false,
  exitOnClientEof: false,
};

describe('a service’s settings', () => {
  it('are key and value, with comments and blanks', () => {
    const text = `# comment\n\nexit-on-service-eof = true\nskip-service-descriptor=false # off\nwait-for-session\t=\t1 \r\n`;
    expect(parseRpcConfig(text, 'f')).toEqual({ ...nothing, exitOnServiceEof: true, waitForSession: true });
    expect(parseRpcConfig("force-user = 'user'", 'f')).toEqual({ ...nothing, forceUser: 'user' });
    expect(parseRpcConfig("force-user=''", 'f')).toEqual({ ...nothing, forceUser: '' });
  });

  it('may hold keys that nobody knows', () => {
    expect(parseRpcConfig("future-key='x'\nfuture-key=3\n", 'f')).toEqual(nothing);
  });

  it.each([
    ['[section]'],
    [' wait-for-session=true'],
    ['wait-for-session'],
    ['wait-for-session=yes'],
    ['wait-for-session=2'],
    ['wait-for-session=01'],
    ['exit-on-service-eof=1'],
    ['exit-on-service-eof=trueish'],
    ['wait-for-session=true\nwait-for-session=true'],
    ['force-user="user"'],
    ["force-user='user"],
    ["force-user='''user'''"],
    ['force-user=true'],
    ["force-user='user'\nskip-service-descriptor=true"],
    ["force-user='user'\nexit-on-service-eof=true"],
    ["exit-on-client-eof=true\nforce-user='user'"],
    ['1key=true'],
    ['#'.repeat(70_000)],
  ])('are an error: %s', (text) => {
    expect(() => parseRpcConfig(text, 'f')).toThrow(RpcConfigError);
  });

  it('of any text are settings or an error of their own', () => {
    const line = fc.oneof(
      fc.string(),
      fc
        .tuple(
          fc.constantFrom('force-user', 'wait-for-session', 'x'),
          fc.constantFrom('=', ' = '),
          fc.string(),
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        try {
          expect(typeof parseRpcConfig(lines.join('\n'), 'f').waitForSession).toBe('boolean');
        } catch (error) {
          expect(error).toBeInstanceOf(RpcConfigError);
        }
      }),
    );
  });
});
