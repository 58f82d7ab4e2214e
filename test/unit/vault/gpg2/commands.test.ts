import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FilteredCommand, judgeCommand } from '../../../../daemons/vault/gpg2/commands.ts';

const grip = 'A'.repeat(40);

describe('judgeCommand', () => {
  it.each([
    ['RESET', false],
    ['GETINFO version', false],
    ['OPTION agent-awareness=2.1.0', false],
    [`HAVEKEY ${grip} ${grip}`, false],
    ['HAVEKEY --list=1000', true],
    ['KEYINFO --list', true],
    [`KEYINFO ${grip}`, false],
    [`SIGKEY ${grip}`, false],
    [`SETHASH 8 ${'0'.repeat(64)}`, false],
    ['PKSIGN', false],
    [`PKSIGN -- ${'A'.repeat(24)}`, false],
  ])('passes %s on', (line, full) => {
    expect(judgeCommand(line)).toMatchObject({ act: 'ask', line, full });
  });

  it.each([
    ['NOP', 'OK'],
    [`NOP ${'x'.repeat(998)}`, 'OK'],
    ['OPTION ttyname=/dev/pts/1', 'OK'],
    ['OPTION putenv=GTK_IM_MODULE=x', 'OK'],
    ['OPTION pinentry-mode=ask', 'OK'],
    ['OPTION pinentry-mode=loopback', 'ERR 67108924 Not supported <GPG Agent>'],
    ['SETKEYDESC whatever+it+says', 'OK'],
    ['AGENT_ID', 'ERR 67109139 unknown IPC command'],
    ['SCD SERIALNO openpgp', 'ERR 67108983 No SmartCard daemon'],
  ])('answers %s itself', (line, answer) => {
    expect(judgeCommand(line)).toEqual({ act: 'answer', line: answer });
  });

  it('knows the key, the digest and the signature', () => {
    expect(judgeCommand(`SETKEY ${grip}`)).toMatchObject({ key: grip });
    expect(judgeCommand(`SETHASH 8 ${'AB'.repeat(32)}`)).toMatchObject({ digest: `8:${'ab'.repeat(32)}` });
    expect(judgeCommand('PKSIGN')).toMatchObject({ signs: true });
    expect(judgeCommand('BYE')).toEqual({ act: 'end' });
  });

  it.each([
    '',
    'PKDECRYPT',
    'GENKEY',
    'READKEY -- x',
    'EXPORT_KEY',
    'KILLAGENT',
    'toString',
    '__proto__',
    'pksign',
    'RESET x',
    'GETINFO socket_name',
    'OPTION',
    'OPTION agent-awareness=2.2.0',
    'OPTION use-cache-for-signing=1',
    'SCD LEARN',
    'HAVEKEY',
    'HAVEKEY --list=0',
    'HAVEKEY --list=1001',
    `HAVEKEY ${grip.toLowerCase()}`,
    `HAVEKEY ${Array.from({ length: 201 }, () => grip).join(' ')}`,
    `KEYINFO ${grip} ${grip}`,
    `SIGKEY ${grip} x`,
    'SETHASH 8 00',
    `SETHASH 1 ${'0'.repeat(32)}`,
    `SETHASH 8 ${'g'.repeat(64)}`,
    'PKSIGN x',
    'PKSIGN -- x',
    'D data',
    `NOP ${'x'.repeat(999)}`,
  ])('filters %j', (line) => {
    expect(() => judgeCommand(line)).toThrow(FilteredCommand);
  });

  it('passes on nothing but plain words, whatever it is sent', () => {
    const word = fc.oneof(
      fc.constantFrom(
        'SIGKEY',
        'SETHASH',
        'HAVEKEY',
        'OPTION',
        'PKSIGN',
        'GETINFO',
        grip,
        '--list',
        '8',
        '--',
      ),
      fc.string({ maxLength: 70 }),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 4 }), (words) => {
        try {
          const verdict = judgeCommand(words.join(' '));
          // splitgpg2's command_argument_regex.
          if (verdict.act === 'ask') expect(verdict.line).toMatch(/^[0-9A-Za-z_=. -]*$/);
        } catch (error) {
          expect(error).toBeInstanceOf(FilteredCommand);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
