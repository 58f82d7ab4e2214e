import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BesideMirror, plainRules } from '../../support/beside-mirror.ts';
import type { RebuildAnswer } from '../../support/rebuilderctl.ts';

/**
 * Source packages that mean harm, or are broken, built by the real command in the real sandbox: each has its code and a
 * sentence, its log is kept as far as it came, and the next build works.
 */

let beside: BesideMirror;
/** A service of the host that no build may reach. */
let service: Server;
let visitors = 0;

const packages: Readonly<Record<string, readonly string[]>> = {
  harmless: ['echo all is well'],
  failing: ['echo about to fail', 'exit 3'],
  hanging: ['echo about to hang', 'sleep 100000'],
  flooding: ['yes "no end of it"'],
  filling: ['head -c 60M /dev/zero > first', 'head -c 60M /dev/zero > second', 'echo filled'],
  // A bomb may be over before the shell that threw it: then comes the next.
  forking: ['f() { f | f & wait; }; while :; do f; done'],
  lingering: [
    'setsid sh -c "exec >/dev/null 2>&1 </dev/null; echo begun > /tmp/lingers; sleep 100000" &',
    'sleep 1',
  ],
  linking: [
    'ln -s /etc/shadow ../linking_1.0_all.deb',
    'trap "ln -sf /etc/shadow ../linking_1.0_all.deb" EXIT',
  ],
};

beforeAll(async () => {
  service = createServer(() => {
    visitors += 1;
  });
  await new Promise<void>((resolve) => service.listen(0, '0.0.0.0', resolve));
  const { port } = service.address() as AddressInfo;
  beside = await BesideMirror.open();
  const all = { ...packages, prying: pryingRecipe(port) };
  for (const [name, recipe] of Object.entries(all)) {
    const binaries = [{ package: name, architecture: 'all' }];
    const files = { 'debian/rules': plainRules([name], recipe) };
    beside.archive.addSource({ source: name, version: '1.0', binaries, files });
    beside.archive.addBinary({ package: name, version: '1.0', architecture: 'all', source: name });
  }
  beside.archive.publish();
  // All of them have the same base: made once.
  await beside.rebuild('harmless', { args: ['--keep-base'] });
});
afterAll(() => {
  beside.remove();
  service.close();
});

/** Looks for a way out, and for what belongs to others; says what it found. */
function pryingRecipe(port: number): readonly string[] {
  const perl = (script: string) => `perl -MSocket -e '${script}'`;
  const connect = (address: string, to: number) =>
    perl(
      `socket(S, AF_INET, SOCK_STREAM, 0); $SIG{ALRM} = sub { exit 1 }; alarm 3; exit !connect(S, pack_sockaddr_in(${to}, inet_aton("${address}")))`,
    );
  return [
    `if ${connect('127.0.0.1', port)}; then echo "FOUND the host's loopback"; fi`,
    `if ${connect('192.0.2.1', 80)}; then echo "FOUND a network"; fi`,
    'if grep -qv "^ *lo:" /proc/net/dev && grep -q "eth\\|ens\\|enp" /proc/net/dev; then echo "FOUND an interface"; fi',
    'for socket in $(find / -xdev -type s 2>/dev/null); do echo "FOUND socket $socket"; done',
    'for name in qrexec-agent rebuilder.conf ledger.sqlite gnupg; do find / -xdev -name "$name" 2>/dev/null | sed "s/^/FOUND /"; done',
    'if [ "$(ls -d /proc/[0-9]* | wc -l)" -gt 60 ]; then echo "FOUND many processes"; fi',
    'if grep -l "orchestrato[r]\\|brok[e]r" /proc/[0-9]*/cmdline 2>/dev/null | grep -q .; then echo "FOUND a process of ours"; fi',
    'if mknod /tmp/disk b 8 0 2>/dev/null; then echo "FOUND a device"; fi',
    'if find /home /root /work -mindepth 1 ! -name ".*" 2>/dev/null | grep -q .; then echo "FOUND folders of the host"; fi',
    'echo "looked everywhere as $(id -u)"',
  ];
}

type Outcome = RebuildAnswer & { readonly dir: string };

/** Every process on this machine that the sandboxes' user runs. */
function leftRunning(mark: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const words = readFileSync(`/proc/${name}/cmdline`, 'utf8');
        return words.includes(mark) ? [words.replaceAll('\0', ' ')] : [];
      } catch {
        return [];
      }
    });
}

function expectFailure({ result, exitCode }: Outcome, code: string): void {
  expect(result).toMatchObject({ verdict: 'failure', code });
  expect(result.files.map(({ rebuiltSha256, verdict }) => [rebuiltSha256, verdict])).toEqual([
    [null, 'not-built'],
  ]);
  expect(exitCode).toBe(2);
}

describe('a build in the sandbox', () => {
  it('that fails says with which code, and keeps its log', async () => {
    const outcome = await beside.rebuild('failing');
    expectFailure(outcome, 'build-failed');
    expect(outcome.stderr).toContain('dpkg-buildpackage ended with code 2');
    expect(logIn(outcome, 'failing')).toContain('about to fail');
  });

  it('that hangs is ended when its time is over', async () => {
    const outcome = await beside.rebuild('hanging', { settings: 'build-time = 30' });
    expectFailure(outcome, 'timed-out');
    expect(outcome.stderr).toContain('the build was not done within 30 s');
    expect(logIn(outcome, 'hanging')).toContain('about to hang');
    expect(leftRunning('sleep\x00100000')).toEqual([]);
  });

  it('that floods its log is ended, and the log is cut where its cap is', async () => {
    const outcome = await beside.rebuild('flooding', { settings: 'build-log = 1M' });
    expectFailure(outcome, 'too-large');
    const log = logIn(outcome, 'flooding');
    expect(log.length).toBeLessThan(1_100_000);
    expect(log).toContain('1048576 bytes of log are the limit');
  });

  it('that writes a larger file than it may fails', async () => {
    const outcome = await beside.rebuild('filling', { settings: 'build-output = 50M' });
    expectFailure(outcome, 'build-failed');
    expect(logIn(outcome, 'filling')).toContain('File size limit exceeded');
  });

  it('that forks without end is held to its number of processes, and ended', async () => {
    const outcome = await beside.rebuild('forking', { settings: 'build-processes = 200\nbuild-time = 60' });
    expect(outcome.result.verdict).toBe('failure');
    expect(['build-failed', 'timed-out']).toContain(outcome.result.code);
    expect(outcome.exitCode).toBe(2);
  });

  it('takes the processes that it leaves behind with it', async () => {
    const outcome = await beside.rebuild('lingering');
    expect(outcome.result.files[0]?.rebuiltSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(leftRunning('/tmp/lingers')).toEqual([]);
    expect(existsSync('/tmp/lingers')).toBe(false);
  });

  it('that leaves a link in the place of a file has built nothing', async () => {
    const outcome = await beside.rebuild('linking');
    expectFailure(outcome, 'build-failed');
  });

  it('finds no network, no socket, no process, no file and no device that is not its own', async () => {
    const outcome = await beside.rebuild('prying');
    const log = logIn(outcome, 'prying');
    expect(log).toMatch(/looked everywhere as \d+/);
    expect(log.match(/^FOUND .*$/gm) ?? []).toEqual([]);
    expect(visitors).toBe(0);
  });

  it('works as ever after all of that', async () => {
    const outcome = await beside.rebuild('harmless');
    expect(outcome.result.files[0]?.rebuiltSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(logIn(outcome, 'harmless')).toContain('all is well');
  });
});

function logIn({ dir }: Outcome, source: string): string {
  return readFileSync(join(dir, `${source}_1.0_all.log`), 'utf8');
}
