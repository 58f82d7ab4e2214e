import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../../../daemons/lib/daemon/program.ts';

const folder = 'salt/package-rebuilder';
const files = readdirSync(folder).sort();

it('is without a remark of salt-lint', async () => {
  const sources = files
    .filter((name) => /\.(sls|top|jinja)$/.test(name))
    .map((name) => resolve(folder, name));
  // 205 wants every file to end in .sls, top files and macros too.
  await run(
    resolve('build/salt/bin/salt-lint'),
    ['-x', '205', ...sources, resolve('salt/pillar/package-rebuilder.sls')],
    {
      timeoutMs: 120_000,
    },
  );
});

it('has a top for every state, and one for all', () => {
  const states = files.filter((name) => name.endsWith('.sls')).map((name) => name.replace('.sls', '.top'));
  expect(files.filter((name) => name.endsWith('.top'))).toEqual([...states, 'init.top'].sort());
});
