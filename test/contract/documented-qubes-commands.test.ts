import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { doctorAdvice } from '../../daemons/rebuilderctl/doctor/findings.ts';
import { allowedCalls } from '../support/policy-verdicts.ts';
import { qubesPrograms } from '../support/qubes-commands.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
/** What Salt's tests apply for real, by their own words. */
const applied = ['dom0', 'configuration', 'pillar']
  .map((name) => read(`test/flow/salt/${name}.test.ts`))
  .join();

/** Each call of a program of Qubes OS, in code or in what `doctor` advises: its name and what is typed after it. */
function commandsOf(text: string): readonly (readonly string[])[] {
  // What stands in $(...) is a command of its own.
  const joined = text.replaceAll('\\\n', ' ').replaceAll('$(', '\n');
  const calls = joined.matchAll(/(?<![\w/-])(qvm-[a-z-]+|qubesctl|qrexec-client-vm) ([^`\n|;#<]*)/g);
  return [...calls].map(([, program = '', rest = '']) => [program, ...rest.trim().split(/\s+/)]);
}

/** Up to the qube or what else is the program's first word of its own; what follows may be another program's. */
function optionsOf([, ...words]: readonly string[]): readonly string[] {
  const values = new Set(['--user', '-u', '--tags', '--fields', '--timeout']);
  const options: string[] = [];
  for (let at = 0; words[at]?.startsWith('-'); at += 1) {
    options.push(words[at] ?? '');
    if (values.has(words[at] ?? '')) at += 1;
  }
  return options.map((option) => option.replace(/=.*$/, ''));
}

const documents = ['README.md', 'docs/qubes-os.md', 'docs/operations.md', 'docs/threat-model.md'];
const texts: readonly (readonly [string, string])[] = [
  ...documents.map((path) => [path, read(path)] as const),
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

  it('has them apply states that there are, and that Salt’s tests apply', () => {
    for (const [, name = ''] of text.matchAll(/state\.apply (\S+)/g)) {
      const [suite, state] = name.replace(/[`,.]+$/, '').split('.');
      expect([name, suite, existsSync(join(root, `salt/package-rebuilder/${state}.sls`))]).toEqual([
        name,
        'package-rebuilder',
        true,
      ]);
      expect(applied).toContain(`package-rebuilder.${state}`);
    }
  });

  it('has them make calls that the policy allows an admin', () => {
    const calls = [...text.matchAll(/(?:qrexec-client-vm (\S+)|--service (\S+)) (rebuilder\.\S+)/g)];
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
