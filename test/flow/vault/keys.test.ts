import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findUsers } from '../../../daemons/lib/daemon/users.ts';

let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'of-nobody-'));
  const [nobody] = await findUsers(['nobody']);
  if (nobody === undefined) throw new Error('this host has no user nobody');
  chownSync(folder, nobody.uid, nobody.gid);
});
afterEach(() => rmSync(folder, { recursive: true }));

it.each(['list', 'public reproducible', 'make Root --home .'])(
  'rebuilder-keys %s, run by root, leaves nothing of root’s among the keys of another user',
  (line) => {
    const program = join(process.cwd(), 'build/bin/rebuilder-keys');
    const asked = () =>
      execFileSync(program, line.split(' '), {
        cwd: folder,
        env: { ...process.env, STATE_DIRECTORY: folder },
        stdio: 'pipe',
      });
    expect(asked).toThrow(/belongs to nobody: run this as nobody/);
    expect(readdirSync(folder)).toEqual([]);
  },
);
