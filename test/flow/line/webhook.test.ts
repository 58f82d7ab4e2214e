import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../../daemons/lib/daemon/program.ts';
import { signedHeaders } from '../../support/forge.ts';
import { openRealLine, type RealLine } from '../../support/real-line.ts';

/** The webhook in its own qube of a real line: as root, its own user. */

const secret = 'a-secret-of-enough-characters';
let folder: string;
let line: RealLine;
let url: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'webhook-'));
  const hooks = join(folder, 'hooks');
  writeFileSync(hooks, `salsa gitlab ${secret} bookworm.all\n`, { mode: 0o600 });
  await run('chmod', ['711', folder], { timeoutMs: 10_000 });
  const { stdout } = await run('getent', ['passwd', 'rebuilder-webhook'], { timeoutMs: 10_000 });
  const [, , uid = 0, gid = 0] = stdout.toString().split(':').map(Number);
  chownSync(hooks, uid, gid);
  const port = await freePort();
  url = `http://127.0.0.1:${port}/hooks/salsa`;
  line = await openRealLine({
    settings: `webhook-listen = 127.0.0.1:${port}\nwebhook-hooks = ${hooks}\n[debian]\ndist = bookworm.all`,
    args: ['--with', 'webhook', '--without', 'getter,rebuilder,attester,reporter,uploader'],
  });
});
afterAll(async () => {
  await line?.close();
  rmSync(folder, { recursive: true });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const journal = (member: string) => readFileSync(join(line.folder, `line/log/${member}.log`), 'utf8');

describe('a webhook', () => {
  it('has its archive looked at when the forge calls, by the one call that policy allows it', async () => {
    const body = '{"ref":"refs/heads/main"}';
    const headers = signedHeaders({ style: 'gitlab', secret }, Buffer.from(body), Date.now());
    const answer = await fetch(url, { method: 'POST', body, headers });
    expect([answer.status, await answer.text()]).toEqual([202, expect.stringMatching(/^\d+ new jobs/)]);
    expect(journal('webhook')).toMatch(/notice webhook: called .*hook=salsa/);
    const jobs = await line.ctl('jobs', '--json');
    expect(jobs).toContain('bookworm.all');
    expect((await fetch(url, { method: 'POST', body, headers })).status).toBe(409);
  });

  it('is only heard with the secret', async () => {
    const headers = signedHeaders({ style: 'gitlab', secret: 'another' }, Buffer.from(''), Date.now());
    expect((await fetch(url, { method: 'POST', headers })).status).toBe(401);
    expect(journal('webhook')).toMatch(/warning webhook: refused .*status=401/);
  });
});
