import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runWith } from '../unit/rebuilderctl/run.ts';

const root = join(import.meta.dirname, '../..');
const documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** What stands after `rebuilderctl` in code, up to what ends a command there. */
function commandsOf(text: string): readonly (readonly string[])[] {
  const code = [...text.matchAll(/```\n([\s\S]*?)```|`([^`\n]+)`/g)].map(
    ([, block, inline]) => block ?? inline ?? '',
  );
  const joined = code.map((one) => one.replaceAll('\\\n', ' '));
  return joined
    .flatMap((one) => one.split('\n'))
    .flatMap((line) => [...line.matchAll(/(?:^|[\s/])rebuilderctl ([a-z][^#;|]*)/g)])
    .map(([, words = '']) => words.trim().split(/\s+/));
}

/** What stands in code and begins as a path of this project, but for what `make` leaves. */
function pathsOf(text: string): readonly string[] {
  const paths = text.matchAll(/`((?:daemons|docs|qrexec|rpm|salt|systemd|test|tools)\/[^`\s*]+)`/g);
  return [...paths].map(([, path = '']) => path);
}

describe.each(documents)('%s', (path) => {
  const text = readFileSync(join(root, path), 'utf8');
  const commands = commandsOf(text);

  it('names files that are there', () => {
    expect(pathsOf(text).filter((one) => !existsSync(join(root, one)))).toEqual([]);
  });

  it('names commands of rebuilderctl and options that they have', async () => {
    for (const words of commands) {
      const [name = '', second = ''] = words;
      const inner = await runWith({}, [name, second, '--help']);
      const help = inner.out.startsWith(`Usage: rebuilderctl ${name} ${second}`)
        ? inner
        : await runWith({}, [name, '--help']);
      expect(help.out, words.join(' ')).toMatch(new RegExp(`^Usage: rebuilderctl ${name}`));
      for (const option of words.filter((word) => word.startsWith('--'))) {
        expect(help.out, words.join(' ')).toContain(option.replace(/[\])…,.:]+$/, ''));
      }
    }
  });
});

it('of all documents some name some', () => {
  const texts = documents.map((path) => readFileSync(join(root, path), 'utf8'));
  expect(texts.flatMap(commandsOf).length).toBeGreaterThan(20);
  expect(texts.flatMap(pathsOf).length).toBeGreaterThan(20);
});
