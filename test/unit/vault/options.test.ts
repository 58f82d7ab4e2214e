import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCommand, RefusedCommand } from '../../../daemons/vault/gpg/options.ts';

const key = 'A03442F3EB2C295D4D911E628FE058DA4C1B5582';

describe('parseCommand', () => {
  it.each([
    ['as in-toto calls gpg', ['--detach-sign', '--digest-algo', 'SHA256', '--local-user', key]],
    ['with short options', ['-b', '-u', key]],
    ['with options run together', [`-bu${key}`]],
    ['with values joined', ['--detach-sign', `--local-user=${key}`, '--digest-algo=SHA256', '--batch']],
    ['with the client’s mark for standard input', ['-bu', key, '-']],
    ['with the end of options marked', ['-bu', key, '--', '-']],
    ['with the output that the client’s wrapper asks for', ['-o-', '-bu', key, '--output', '-']],
  ])('allows a detached signature %s', (_what, args) => {
    expect(parseCommand(args)).toEqual({
      action: 'sign',
      key,
      args: ['--digest-algo', 'SHA256', '--local-user', key, '--detach-sign'],
    });
  });

  it('allows armour, an export of a key named in full, and the version', () => {
    expect(parseCommand(['-abu', key]).args[0]).toBe('--armor');
    expect(parseCommand(['--export', key]).args).toEqual(['--export', key]);
    expect(parseCommand(['--version']).args).toEqual(['--version']);
  });

  it.each([
    ['nothing', []],
    ['a key by name', ['-b', '-u', 'v@example.org']],
    ['a short key id', ['-b', '-u', key.slice(-16)]],
    ['no key', ['-b']],
    ['another digest', ['-b', '-u', key, '--digest-algo', 'SHA1']],
    ['a file', ['-b', '-u', key, '/etc/passwd']],
    ['two commands', ['-b', '-u', key, '--export']],
    ['all keys at once', ['--export']],
    ['an export of secrets', ['--export-secret-keys', key]],
    ['decryption', ['-d']],
    ['another home', ['--homedir', '/tmp', '-b', '-u', key]],
    ['an output file', ['-b', '-u', key, '--output', '/tmp/x']],
    ['an option without its value', ['-b', '-u']],
    ['a value where none belongs', ['--detach-sign=x', '-u', key]],
    ['an option behind the others', ['-b', '-u', key, '-', '--homedir=/tmp']],
    ['a name out of the prototype', ['--constructor', '-b', '-u', key]],
  ])('refuses %s', (_what, args) => {
    expect(() => parseCommand(args)).toThrow(RefusedCommand);
  });

  it('names the whole option for an abbreviated one, as the real server does', () => {
    expect(() => parseCommand(['--detach-sig', '-u', key])).toThrow(
      "Abbreviated option '--detach-sig' must be written as '--detach-sign'",
    );
  });

  it('lets nothing through to gpg that is not on its list', () => {
    const word = fc.oneof(
      fc.constantFrom(
        '-b',
        '-u',
        '-a',
        '--',
        '-',
        key,
        '--local-user',
        '--export',
        '--digest-algo=SHA256',
        '--version',
      ),
      fc.string({ maxLength: 30 }),
      fc.string({ maxLength: 30 }).map((text) => `--${text}`),
    );
    const known = new Set([
      '--armor',
      '--digest-algo',
      'SHA256',
      '--local-user',
      '--detach-sign',
      '--export',
      '--version',
    ]);
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (args) => {
        try {
          for (const arg of parseCommand(args).args) {
            expect(known.has(arg) || /^(0x)?[0-9A-Fa-f]{40}!?$/.test(arg)).toBe(true);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(RefusedCommand);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
