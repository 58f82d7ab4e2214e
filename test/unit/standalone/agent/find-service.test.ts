import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findService } from '../../../../daemons/standalone/agent/find-service.ts';

let folder: string;
let first: string;
let second: string;
let server: Server;
let path: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'services-'));
  [first, second] = [join(folder, 'first'), join(folder, 'second')];
  for (const one of [first, second]) mkdirSync(one);
  path = `${first}:${folder}/nonexistent::${second}`;
  server = createServer();
  await new Promise<void>((resolve) => server.listen(join(folder, 'daemon.sock'), resolve));
  const program = (where: string, name: string) => {
    writeFileSync(join(where, name), '#!/bin/sh\n');
    chmodSync(join(where, name), 0o755);
  };
  program(first, 'test.Both');
  program(second, 'test.Both');
  program(second, 'test.Both+special');
  writeFileSync(join(first, 'test.Plain'), 'text');
  symlinkSync('../daemon.sock', join(second, 'test.Socket'));
  symlinkSync('../gone.sock', join(first, 'test.Dangling'));
  symlinkSync('../gone.sock', join(first, 'test.Fallback'));
  program(second, 'test.Fallback');
  symlinkSync('/etc/passwd/no', join(first, 'test.NotDir'));
  symlinkSync('/dev/tcp/127.0.0.1/8082', join(first, 'test.Tcp'));
  symlinkSync('/dev/tcp/127.0.0.1', join(first, 'test.TcpPort'));
  symlinkSync('/dev/tcp', join(first, 'test.TcpBoth'));
  symlinkSync('/dev/tcp/', join(first, 'test.TcpNone'));
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

describe('a service', () => {
  it('for one argument is preferred, in whatever folder it stands', async () => {
    expect(findService('test.Both+special', path)).toEqual({
      kind: 'executable',
      path: join(second, 'test.Both+special'),
    });
    expect(findService('test.Both+other', path)).toEqual({
      kind: 'executable',
      path: join(first, 'test.Both'),
    });
  });

  it('can be a link to a socket', async () => {
    expect(findService('test.Socket+', path)).toEqual({
      kind: 'socket',
      path: join(second, 'test.Socket'),
    });
  });

  it('whose link leads nowhere is absent, and the next folder is asked', async () => {
    expect(findService('test.Dangling+', path)).toEqual({ kind: 'absent' });
    expect(findService('test.Fallback+', path)).toMatchObject({ path: join(second, 'test.Fallback') });
    expect(findService('test.Unknown+', path)).toEqual({ kind: 'absent' });
  });

  it.each(['test.Plain+', 'test.NotDir+', `${'x'.repeat(256)}+`])(
    '%s is there and cannot be used',
    async (name) => {
      expect(findService(name, path)).toMatchObject({ kind: 'problem' });
    },
  );

  it('with an argument too long for a file name is found by its name', async () => {
    expect(findService(`test.Both+${'x'.repeat(300)}`, path)).toMatchObject({ kind: 'executable' });
  });

  it.each([
    ['test.Tcp+', { kind: 'tcp', host: '127.0.0.1', port: 8082 }],
    ['test.TcpPort+80', { kind: 'tcp', host: '127.0.0.1', port: 80 }],
    ['test.TcpBoth+127.0.0.1+80', { kind: 'tcp', host: '127.0.0.1', port: 80 }],
    ['test.TcpBoth+++1+80', { kind: 'tcp', host: '::1', port: 80 }],
  ])('behind /dev/tcp: %s', async (name, place) => {
    expect(findService(name, path)).toEqual(place);
  });

  it.each([
    'test.Tcp+80',
    'test.TcpPort+',
    'test.TcpPort+0',
    'test.TcpPort+65536',
    'test.TcpPort+080',
    'test.TcpBoth+80',
    'test.TcpBoth+a_b+80',
    'test.TcpNone+80',
  ])('behind /dev/tcp: %s is a problem', async (name) => {
    expect(findService(name, path)).toMatchObject({ kind: 'problem' });
  });
});
