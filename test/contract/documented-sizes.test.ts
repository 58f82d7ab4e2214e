import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

it('the sizes of qubes in docs/qubes-os.md are those that Salt gives them', () => {
  const kinds = /^([a-z-]+):\n(?:.*\n)*?.*memory: (\d+), maxmem: (\d+), vcpus: \d+, private: (\d+)/gm;
  const given = [...read('salt/package-rebuilder/qubes.yaml').matchAll(kinds)].map(
    ([, kind, memory, most, size]) => `rebuilder-${kind} ${memory}–${most} ${size}`,
  );
  const told = read('docs/qubes-os.md')
    .split('\n')
    .filter((line) => line.startsWith('| `rebuilder-'))
    .flatMap((line) => {
      const [, names = '', memory, size] = line.split('|').map((cell) => cell.trim());
      return [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => `${name} ${memory} ${size}`);
    });
  expect(given).toHaveLength(10);
  expect(told.sort()).toEqual(given.sort());
});
