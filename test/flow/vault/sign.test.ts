import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, callers } from '../../../daemons/lib/contracts/contract.ts';
import { type SignKind, sign, signKinds } from '../../../daemons/lib/contracts/sign.ts';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { run } from '../../../daemons/lib/daemon/program.ts';
import { bufferObject, writeMessage } from '../../../daemons/lib/wire/frame.ts';
import { openRealLine, type RealLine } from '../../support/real-line.ts';
import { bytesOf, exampleManifest, exampleStatement } from '../../support/sign-documents.ts';
import { asUser } from '../standalone/own-line.ts';

/** The real vault behind the real broker, asked from each qube by that qube's own user. */

let line: RealLine;
beforeAll(async () => {
  line = await openRealLine({ args: ['--without', 'getter,rebuilder,attester,reporter,uploader'] });
});
afterAll(() => line?.close());

const userOf = (role: Caller) => (role === 'rebuilder' ? 'rebuilder-worker' : `rebuilder-${role}`);

async function ask(role: Caller, kind: SignKind, document: Buffer, as: Caller = role) {
  const wire = new PassThrough();
  const bytes = buffer(wire);
  await writeMessage(wire, { v: 1 }, [bufferObject(document)], { clock: systemClock });
  wire.end();
  const client = join(process.cwd(), 'build/bin/qrexec-client-vm');
  const [program = '', ...args] = [
    ...asUser(userOf(role)),
    'perl',
    client,
    '@default',
    `rebuilder.Sign+${kind}`,
  ];
  const { exitCode, stdout } = await run(program, args, {
    timeoutMs: 30_000,
    cwd: '/',
    env: { QREXEC_AGENT_SOCKET: join(line.folder, 'line/qubes', userOf(as), 'qrexec-agent') },
    input: await bytes,
    expectCodes: Array.from({ length: 256 }, (_, code) => code),
  });
  return { exitCode, text: stdout.toString().trim() };
}

async function signedBy(role: Caller, kind: SignKind, document: Buffer) {
  const { text } = await ask(role, kind, document);
  return sign.parseReply(JSON.parse(text), kind);
}

const documents: Readonly<Record<SignKind, Buffer>> = {
  reproducible: bytesOf(exampleStatement('reproducible')),
  unreproducible: bytesOf(exampleStatement('unreproducible')),
  manifest: bytesOf(exampleManifest(3)),
};
const log = () => readFileSync(join(line.folder, 'line/state/vault/signatures.log'), 'utf8');

describe('a signature of the vault', () => {
  it('is for the attester, for each kind of document its own', async () => {
    const keyids = new Set<string>();
    for (const kind of signKinds) keyids.add((await signedBy('attester', kind, documents[kind])).keyid);
    expect(keyids.size).toBe(signKinds.length);
    expect(log().match(/ signed kind=\w+ .* for=rebuilder-attester\n/g)).toHaveLength(signKinds.length);
  });

  it('is for no other role, nor for one that calls in the attester’s name', async () => {
    const before = log();
    for (const role of callers.filter((name) => name !== 'attester')) {
      for (const kind of signKinds) {
        expect([role, kind, await ask(role, kind, documents[kind])]).toEqual([
          role,
          kind,
          { exitCode: 126, text: '' },
        ]);
        expect(await ask(role, kind, documents[kind], 'attester')).toEqual({ exitCode: 1, text: '' });
      }
    }
    expect(log()).toBe(before);
  });

  it('is not for the attester under a document of another kind', async () => {
    const before = log();
    for (const kind of signKinds) {
      for (const other of signKinds.filter((one) => one !== kind)) {
        expect((await ask('attester', kind, documents[other])).text).toMatch(
          /"ok":false,"error":"(refused|protocol)"/,
        );
      }
    }
    expect(log()).toBe(before);
  });

  it('is made with keys that no other role’s user reads', async () => {
    const folder = join(line.folder, 'line/state/vault');
    for (const role of callers) {
      const [program = '', ...args] = [...asUser(userOf(role)), 'cat', join(folder, 'sign/manifest.pem')];
      const read = await run(program, args, { timeoutMs: 10_000, cwd: '/', expectCodes: [0, 1] });
      expect([role, read.exitCode]).toEqual([role, 1]);
    }
    expect(statSync(join(folder, 'sign/manifest.pem')).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'sign/manifest.pem')).uid).toBe(statSync(folder).uid);
  });

  it('is the same after the vault was killed, and its counter is not forgotten', async () => {
    const before = await signedBy('attester', 'manifest', documents.manifest);
    const { stdout } = await run('pgrep', ['-u', 'rebuilder-vault', '-f', 'build/lib/vault.js'], {
      timeoutMs: 10_000,
    });
    const pids = stdout.toString().trim().split('\n').map(Number);
    const own = pids.filter((pid) => readFileSync(`/proc/${pid}/environ`, 'utf8').includes(line.folder));
    expect(own).toHaveLength(1);
    process.kill(own[0] ?? 0, 'SIGKILL');
    await expect
      .poll(async () => (await ask('attester', 'manifest', documents.manifest)).text, { timeout: 30_000 })
      .toContain(String(before.signatures[0]));
    const other = await ask('attester', 'manifest', bytesOf(exampleManifest(3, 'debian', 'other')));
    expect(other.text).toContain('"error":"refused"');
  });
});
