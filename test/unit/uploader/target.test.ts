import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { remoteShell } from '../../../daemons/uploader/send.ts';
import { TargetError, targetOf } from '../../../daemons/uploader/target.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'target-'));
  await writeFile(join(dir, 'id_rsa'), '');
  await writeFile(join(dir, 'known_hosts'), '');
});
afterAll(() => rm(dir, { recursive: true }));

function target(host?: string, basedir?: string, key?: string) {
  return targetOf({ host, basedir, key }, ['/nonexistent', dir]);
}

describe('targetOf', () => {
  it("reads the seed's settings, key and pinned host key beside each other", async () => {
    expect(await target('rebuilder@mirror.example', '/data/rebuilder', 'id_rsa')).toEqual({
      kind: 'ssh',
      host: 'rebuilder@mirror.example',
      port: 22,
      basedir: '/data/rebuilder',
      key: join(dir, 'id_rsa'),
      knownHosts: join(dir, 'known_hosts'),
    });
    expect(await target('mirror:2222', 'www', join(dir, 'id_rsa'))).toMatchObject({
      host: 'mirror',
      port: 2222,
    });
    expect(await target('me@[::1]:2222', '/x', 'id_rsa')).toMatchObject({ host: 'me@[::1]', port: 2222 });
  });

  it('takes a folder of this machine where no host is named', async () => {
    expect(await target(undefined, '/srv/www')).toEqual({ kind: 'folder', basedir: '/srv/www' });
    expect(await target()).toBeUndefined();
    await expect(target(undefined, 'www')).rejects.toThrow(/expected an absolute path/);
  });

  it('refuses what ssh, a shell or rsync would read as more than a name', async () => {
    for (const host of [
      '-oProxyCommand=x',
      'a b',
      'h;reboot',
      'h:99999',
      'h:',
      '@h',
      'u@',
      'h/../x',
      'a$(b)',
    ]) {
      await expect(target(host, '/data', 'id_rsa'), host).rejects.toThrow(/repo-remote-ssh-host: found/);
    }
    for (const basedir of ['-x', '/data;reboot', '/a b', "/a'b", '/$HOME', '/`x`', '/a:b', '']) {
      await expect(target('h', basedir, 'id_rsa'), basedir).rejects.toThrow(/repo-remote-ssh-basedir: found/);
    }
  });

  it('says what is missing and where it belongs', async () => {
    await expect(target('h')).rejects.toThrow(TargetError);
    await expect(target('h', '/data')).rejects.toThrow(/repo-ssh-key is not set/);
    await expect(target('h', '/data', 'other')).rejects.toThrow(
      `repo-ssh-key: there is no /nonexistent/other, nor ${dir}/other`,
    );
    await expect(
      targetOf({ host: 'u@h:22', basedir: '/d', key: join(dir, 'id_rsa') }, ['/nonexistent']),
    ).rejects.toThrow(/not pinned.*ssh-keyscan -p 22 h`/);
  });
});

describe('remoteShell', () => {
  it('pins the host key, and quotes paths as rsync reads them', () => {
    const command = remoteShell({
      kind: 'ssh',
      host: 'u@h',
      port: 2222,
      basedir: '/d',
      key: "/a b/it's 100%",
      knownHosts: '/a b/known_hosts',
    });
    expect(command).toContain("-i '/a b/it''s 100%%'");
    expect(command).toContain(`-o 'UserKnownHostsFile="/a b/known_hosts"'`);
    expect(command).toContain('-o StrictHostKeyChecking=yes');
    expect(command).toContain('-o GlobalKnownHostsFile=/dev/null');
  });
});
