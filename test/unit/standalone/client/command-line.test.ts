import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSite, type Site } from '../site.ts';

let site: Site;
beforeAll(async () => {
  site = await openSite();
  site.service('test.Echo', 'printf "%s|" "$QREXEC_SERVICE_FULL_NAME"; cat');
});
afterAll(() => site.close());

async function said(args: readonly string[], input = ''): Promise<string> {
  const { stdout, status } = await site.call(args, { input });
  expect(status).toBe(0);
  return stdout.toString('utf8');
}

describe('the command line', () => {
  it('is options, target, service', async () => {
    expect(await said(['vault', 'test.Echo'], 'hello')).toBe('test.Echo+|hello');
    expect(await said(['vault', 'test.Echo+a+b'], 'x')).toBe('test.Echo+a+b|x');
    expect(await said(['--', 'vault', 'test.Echo'], 'x')).toBe('test.Echo+|x');
  });

  it('takes prefix data once, before stdin', async () => {
    expect(await said(['-p', 'first ', 'vault', 'test.Echo'], 'then')).toBe('test.Echo+|first then');
    expect(await said(['--prefix-data=first ', 'vault', 'test.Echo'], 'then')).toBe('test.Echo+|first then');
    const twice = await site.call(['-p', 'a', '-p', 'b', 'vault', 'test.Echo']);
    expect(twice.status).toBe(2);
    expect(twice.stderr).toContain('usage:');
  });

  it('takes the agent socket from -a before the environment', async () => {
    const socket = site.socketOf('work');
    const env = { QREXEC_AGENT_SOCKET: '/nonexistent' };
    expect((await site.call(['vault', 'test.Echo'], { env })).status).toBe(1);
    for (const args of [['-a', socket], [`-a${socket}`], ['--agent-socket', socket], [`--agent=${socket}`]]) {
      expect((await site.call([...args, 'vault', 'test.Echo'], { env })).status).toBe(0);
    }
  });

  it('knows every option of the real one, also by an unambiguous beginning', async () => {
    const options = [
      '--buffer-size=65536',
      '--buffer-size',
      '0x10000',
      '-T',
      '--no-filter-escape-chars-stdout',
    ];
    expect(await said([...options, '--filter-escape-chars-stde', 'vault', 'test.Echo'])).toBe('test.Echo+|');
    expect((await site.call(['-h'])).stdout.toString()).toMatch(/^usage: /);
    expect((await site.call(['--help'])).status).toBe(0);
  });

  it.each([
    [['vault']],
    [[]],
    [['-x', 'vault', 'test.Echo']],
    [['--nonsense', 'vault', 'test.Echo']],
    [['--filter', 'vault', 'test.Echo']],
    [['--help=now', 'vault', 'test.Echo']],
    [['vault', 'test.Echo', '--agent-socket'].slice(2)],
    [['-s', 'a', '-s', 'b', 'vault', 'test.Echo']],
    [['--use-stdin-socket', 'vault', 'test.Echo', '/bin/true']],
  ])('answers %j with the usage and 2', async (args) => {
    const { status, stderr, stdout } = await site.call(args);
    expect(status).toBe(2);
    expect(stdout.length).toBe(0);
    expect(stderr).not.toBe('');
  });

  it.each(['x', '1x', '99999999999'])('answers a buffer size of %s with 1', async (size) => {
    expect((await site.call([`--buffer-size=${size}`, 'vault', 'test.Echo'])).status).toBe(1);
  });

  it('stops reading options at the target', async () => {
    const tool = join(site.folder, 'tool');
    writeFileSync(tool, '#!/bin/sh\nprintf "%s" "$*"\n', { mode: 0o755 });
    site.service('test.Hear', 'cat >&2');
    const { stderr } = await site.call(['vault', 'test.Hear', tool, '-h', '--', 'x']);
    expect(stderr).toBe('-h -- x');
  });

  it('writes $ in the target as @, and an empty target as the default', async () => {
    site.policy('test.Echo * work @default allow target=vault\n');
    expect(await said(['$default', 'test.Echo'])).toBe('test.Echo+|');
    expect(await said(['', 'test.Echo'])).toBe('test.Echo+|');
    expect(await said(['@default', 'test.Echo'])).toBe('test.Echo+|');
    expect((await site.call(['vault', 'test.Echo'])).status).toBe(126);
    site.policy('* * @anyvm @anyvm allow\n');
  });

  it('cuts a target off at 63 bytes, as the field it goes into does', async () => {
    site.policy('test.Echo * work @default allow target=vault\n');
    expect(await said(['@default'.padEnd(63, 'x').slice(0, 8), 'test.Echo'])).toBe('test.Echo+|');
    await site.call([`${'v'.repeat(63)}tail`, 'test.Other']);
    expect(site.log.at(-1)).toContain(`target=${'v'.repeat(63)}\n`);
    site.policy('* * @anyvm @anyvm allow\n');
  });
});
