import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { doctorAdvice } from '../../daemons/rebuilderctl/doctor/findings.ts';
import { allowedCalls } from '../support/policy-verdicts.ts';
import { qubesPrograms } from '../support/qubes-commands.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const saltTests = ['flow/salt/dom0', 'packaging/salt', 'packaging/salt-fedora']
  .map((name) => read(`test/${name}.test.ts`))
  .join();
/** What Salt's tests apply for real, by their own words: `site` is their dom0, anything else a qube. */
const applied = [...saltTests.matchAll(/(\w+)\.apply\(\s*'package-rebuilder\.(\w+)'/g)].map(
  ([, where, state]) => `${where === 'site' ? 'dom0' : 'a qube'}: ${state}`,
);

/** Each call of a program of Qubes OS, in code or in what `doctor` advises: its name and what is typed after it. */
function commandsOf(text: string): readonly (readonly string[])[] {
  // What stands in $(...) is a command of its own.
  const joined = text.replaceAll('$(', '\n');
  const calls = joined.matchAll(/(?<![\w/-])(qvm-[a-z-]+|qubesctl|qrexec-client-vm) ([^`\n|;#<]*)/g);
  return [...calls].map(([, program = '', rest = '']) => [program, ...rest.trim().split(/\s+/)]);
}

/** What follows the first word of these that is no option may be another program's. */
const passOn = ['qvm-run', 'qrexec-client-vm', 'qubesctl'];
const withValue = ['--user', '-u', '--tags', '--fields', '--timeout', '--targets', '--max-concurrency'];

function optionsOf([program = '', ...words]: readonly string[]): readonly string[] {
  const first = words.findIndex(
    (word, at) => !word.startsWith('-') && !withValue.includes(words[at - 1] ?? ''),
  );
  const own = passOn.includes(program) && first >= 0 ? words.slice(0, first) : words;
  return own.filter((word) => word.startsWith('-')).map((option) => option.replace(/=.*$/, ''));
}

const documents = ['README.md', 'docs/qubes-os.md', 'docs/operations.md', 'docs/threat-model.md'];
/** Lines that go on are one. */
const texts: readonly (readonly [string, string])[] = [
  ...documents.map((path) => [path, read(path).replaceAll('\\\n', ' ')] as const),
  ['doctor', Object.values(doctorAdvice).join('\n')],
];

describe.each(texts)('%s', (_name, text) => {
  const commands = commandsOf(text);

  it('has people type programs of Qubes OS with options that they have', () => {
    const wrong = commands.flatMap((command) =>
      optionsOf(command)
        .filter((option) => !qubesPrograms[command[0] ?? '']?.includes(option))
        .map((option) => `${command[0]} ${option}`),
    );
    expect(wrong).toEqual([]);
    expect(commands.filter(([program = '']) => !(program in qubesPrograms))).toEqual([]);
  });

  it('has them apply states as Salt’s tests apply them', () => {
    for (const [line, before = '', name = '', after = ''] of text.matchAll(
      /qubesctl ([^`\n]*?)state\.apply ([^\s`]+)([^`\n;|#]*)/g,
    )) {
      expect(name, line).toMatch(/^package-rebuilder\.\w+$/);
      const where = before.includes('--targets') ? 'a qube' : 'dom0';
      expect(applied, line).toContain(`${where}: ${name.replace('package-rebuilder.', '')}`);
      const argument = after.trim().replaceAll("'", '');
      if (argument !== '') expect(saltTests, line).toContain(`'${argument}'`);
    }
  });

  it('has them make calls that the policy allows an admin', () => {
    const calls = text.matchAll(
      /(?:qrexec-client-vm(?: -\S+)* ([\w@]\S*)|--service(?: -\S+)* ([\w@]\S*)) ([^\s`]+)/g,
    );
    for (const [, named, qube, call] of calls) {
      const target = named ?? '@default';
      expect(allowedCalls).toContain(`admin ${call} ${target} ${qube ?? 'rebuilder-orchestrator'}`);
    }
  });
});

it('sees commands of each kind in them', () => {
  const all = texts.flatMap(([, text]) => commandsOf(text));
  for (const program of ['qvm-run', 'qubesctl', 'qvm-shutdown', 'qvm-ls', 'qrexec-client-vm', 'qvm-prefs']) {
    expect(all.map(([name]) => name)).toContain(program);
  }
});
