import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatMessage, readMessages } from '../../../daemons/client/apt/message.ts';
import { type SpawnedProgram, spawnProgram } from '../../../daemons/lib/daemon/program.ts';
import { MethodFolder } from '../../support/apt-method.ts';
import { ArchiveServer } from '../../support/archive-server.ts';
import { type GnuPg, openGnuPg } from '../../support/gnupg.ts';
import { isAlive } from '../../support/processes.ts';

/** How the method ends when something around it does: real apt says why, and nothing hangs. */
describe('the apt method intoto', () => {
  let folder: string;
  let gnupg: GnuPg;
  let methods: MethodFolder;
  let rebuilders: ArchiveServer;
  let configuration: readonly string[];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'method-'));
    gnupg = openGnuPg();
    const owner = gnupg.makeKey('Owner', 'ed25519');
    mkdirSync(join(folder, 'methods'));
    methods = new MethodFolder(join(folder, 'methods'));
    mkdirSync(join(folder, 'sources/foo/1'), { recursive: true });
    writeFileSync(join(folder, 'sources/foo/1/metadata'), 'a link');
    writeFileSync(join(folder, 'root.layout'), '{}');
    writeFileSync(join(folder, 'foo_1_all.deb'), 'a package');
    rebuilders = await ArchiveServer.start(folder);
    configuration = [
      `APT::Intoto::Layout=${folder}/root.layout`,
      `APT::Intoto::GPGHomedir=${gnupg.home}`,
      `APT::Intoto::Keyids=${owner}`,
      `APT::Intoto::Rebuilders=${rebuilders.url}`,
    ];
  });
  afterAll(async () => {
    await rebuilders?.close();
    gnupg?.remove();
    rmSync(folder, { recursive: true });
  });

  /** What apt says about a package that it has the method fetch; the method's `http` is a script. */
  function askApt(http: string): string {
    methods.writeHttp(http);
    writeFileSync(join(folder, 'apt.conf'), `Dir::Bin::Methods "${methods.folder}";\n`);
    try {
      const args = ['download-file', 'intoto://127.0.0.1/foo_1_all.deb', join(folder, 'fetched_1_all.deb')];
      const env = { ...process.env, APT_CONFIG: join(folder, 'apt.conf') };
      execFileSync('/usr/lib/apt/apt-helper', args, { env, stdio: 'pipe' });
    } catch (error) {
      return String((error as { stderr?: Buffer }).stderr);
    }
    throw new Error('apt accepted it');
  }

  const untilAcquire = 'while IFS= read -r line; do case $line in 600*) break ;; esac; done';

  it.each([
    ['ended by itself', `${untilAcquire}; exit 7`, 'the http method ended by itself (status 7)'],
    ['was killed', `${untilAcquire}; kill -9 $$`, 'the http method ended by itself (SIGKILL)'],
    ['broke off', `${untilAcquire}; printf '200 URI St'`, 'the http method ended in the middle of a message'],
    ['says nonsense', `${untilAcquire}; printf 'nonsense\\n\\n'`, 'the http method sent "nonsense"'],
  ])('tells apt that the http method %s', (_what, http, say) => {
    expect(askApt(http)).toContain(`E: Method intoto General failure: ${say}`);
  });

  it('tells apt that there is no http method', () => {
    methods.writeHttp('');
    rmSync(join(methods.folder, 'http'));
    writeFileSync(join(folder, 'apt.conf'), `Dir::Bin::Methods "${methods.folder}";\n`);
    expect(() =>
      execFileSync('/usr/lib/apt/apt-helper', ['download-file', 'intoto://127.0.0.1/a', join(folder, 'a')], {
        env: { ...process.env, APT_CONFIG: join(folder, 'apt.conf') },
        stdio: 'pipe',
      }),
    ).toThrow(`General failure: ${methods.folder}/http: cannot be run (ENOENT)`);
  });

  it('lets no redirect lead to another method', () => {
    const redirect = "printf '103 Redirect\\nURI: intoto://127.0.0.1/foo_1_all.deb\\nNew-URI: %s\\n\\n'";
    expect(askApt(`${untilAcquire}; ${redirect} http://127.0.0.1/foo_1_all.deb; cat > /dev/null`)).toContain(
      'redirected to http://127.0.0.1/foo_1_all.deb, where in-toto would not be asked',
    );
  });

  const done = () => `201 URI Done\nURI: intoto://h/foo_1_all.deb\nFilename: ${folder}/foo_1_all.deb\n\n`;
  const fetched = () => `${untilAcquire}; printf '${done().replaceAll('\n', '\\n')}'; cat > /dev/null`;
  const configured = () =>
    `601 Configuration\n${configuration.map((item) => `Config-Item: ${item}\n`).join('')}\n`;
  const acquire = '600 URI Acquire\nURI: intoto://h/foo_1_all.deb\nFilename: /nowhere\n\n';

  function start(http: string, ...lines: readonly string[]): SpawnedProgram {
    methods.writeHttp(http);
    const method = spawnProgram(methods.intoto, [], { stdio: ['pipe', 'pipe', 'inherit'] });
    method.stdin.on('error', () => {});
    for (const text of lines) method.stdin.write(text);
    return method;
  }

  async function messagesOf(method: SpawnedProgram): Promise<string[]> {
    const found: string[] = [];
    for await (const { raw } of readMessages(method.stdout, 'the method')) found.push(raw.toString());
    return found;
  }

  it('tells apt what it cannot read', async () => {
    const method = start('cat', 'nonsense\n\n');
    expect(await messagesOf(method)).toContain(
      formatMessage(401, 'apt sent "nonsense": expected a status code of three digits').toString(),
    );
    expect(await method.exited).toMatchObject({ code: 100 });
  });

  it('ends with apt, and with what it started', async () => {
    const method = start(`echo $$ > ${folder}/pid; cat`);
    await expect.poll(() => readFileSync(join(folder, 'pid'), 'utf8')).toMatch(/\n/);
    method.stdin.end();
    expect(await method.exited).toMatchObject({ code: 0 });
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends by %s, in the middle of a judgement', async (signal) => {
    rebuilders.misbehave(/metadata/, { kind: 'stall', bytes: 0 }, 1);
    const asked = rebuilders.requests.length;
    const method = start(fetched(), configured(), acquire);
    await expect.poll(() => rebuilders.requests.length).toBeGreaterThan(asked);
    method.kill(signal);
    expect(await method.exited).toMatchObject({ code: 0 });
  });

  it('answers what was fetched before apt closed its side', async () => {
    const method = start(fetched(), configured(), acquire);
    method.stdin.end();
    const refusal = 'in-toto refuses foo 1: layout-unreadable: not a layout';
    expect((await messagesOf(method)).at(-1)).toContain(
      `400 URI Failure\nURI: intoto://h/foo_1_all.deb\nMessage: ${refusal}`,
    );
    expect(await method.exited).toMatchObject({ code: 0 });
  });

  it('refuses packages when apt sent no configuration', async () => {
    const method = start(fetched(), acquire);
    method.stdin.end();
    expect((await messagesOf(method)).at(-1)).toContain(
      'in-toto has nothing to judge by: apt sent no configuration',
    );
  });

  it('refuses packages once the process that judges them has died', async () => {
    rebuilders.misbehave(/metadata/, { kind: 'stall', bytes: 0 }, 1);
    const asked = rebuilders.requests.length;
    const method = start(fetched(), configured(), acquire);
    const messages = messagesOf(method);
    await expect.poll(() => rebuilders.requests.length).toBeGreaterThan(asked);
    process.kill(judgeOf(method.pid ?? 0), 'SIGKILL');
    method.stdin.end();
    expect((await messages).at(-1)).toContain('in-toto could not judge it: it ended by itself');
  });
});

/** The child of a method that judges. */
function judgeOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  const judge = children.find((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').endsWith('judge\0'));
  if (judge === undefined) throw new Error(`nobody judges among ${children}`);
  return judge;
}
