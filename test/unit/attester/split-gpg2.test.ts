import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { splitGpg2Signer } from '../../../daemons/attester/sign/split-gpg2.ts';
import { openVaultAgent, type VaultAgent } from '../../../daemons/attester/sign/vault-agent.ts';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { type Fingerprint, parseFingerprint } from '../../../daemons/lib/domain/names.ts';
import type { RawCall } from '../../../daemons/lib/wire/call.ts';
import { type GnuPg, openGnuPg } from '../../support/gnupg.ts';

/**
 * The vault's end of one call, played by the test: it answers gpg as the real server does
 * (qubes-app-linux-split-gpg2, splitgpg2/__init__.py), but for what the test would have otherwise.
 */
class Vault {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  #exit: (code: number) => void = () => {};
  #fail: (error: Error) => void = () => {};
  readonly exited = new Promise<number>((resolve, reject) => {
    this.#exit = resolve;
    this.#fail = reject;
  });
  readonly heard: string[] = [];

  constructor(
    readonly keygrip: string,
    readonly greet: (vault: Vault) => void,
    readonly answers: Readonly<Record<string, (vault: Vault) => void>>,
  ) {
    this.exited.catch(() => {});
    let rest = '';
    this.stdin.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#answer(line);
    });
    this.stdin.on('end', () => this.end(0));
    greet(this);
  }

  get call(): RawCall {
    const { stdin, stdout, stderr, exited } = this;
    return { stdin, stdout, stderr, exited, kill: () => this.end(137) };
  }

  say(...lines: readonly string[]): void {
    this.stdout.write(lines.map((line) => `${line}\n`).join(''), 'latin1');
  }

  end(code: number | Error, said = ''): void {
    this.stdout.end();
    this.stderr.end(said);
    if (typeof code === 'number') this.#exit(code);
    else this.#fail(code);
  }

  #answer(line: string): void {
    this.heard.push(line);
    const [command = ''] = line.split(' ', 1);
    const otherwise = this.answers[command];
    if (otherwise !== undefined) {
      otherwise(this);
      return;
    }
    if (command === 'GETINFO') this.say('D 2.2.40');
    // gpg 2.4 asks for all keys and then for what it wants to know of one.
    if (line.startsWith('HAVEKEY --list')) this.say(`D ${escaped(Buffer.from(this.keygrip, 'hex'))}`);
    if (command === 'KEYINFO') this.say(`S KEYINFO ${this.keygrip} D - - - C - - -`);
    this.say('OK');
  }
}

/** As a D line of Assuan has it. */
function escaped(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[%\r\n]/g, (one) => `%${one.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`);
}

const greeted = (vault: Vault) => vault.say('OK Pleased to meet you, process 4711');
const filtered = (vault: Vault) => {
  vault.say('ERR 67109888 Command filtered by split-gpg2.');
  vault.end(0);
};

describe('splitGpg2Signer', () => {
  let gnupg: GnuPg;
  let home: string;
  let key: Fingerprint;
  let agent: VaultAgent;
  let keygrip: string;
  let several: Fingerprint;
  const vaults: Vault[] = [];
  /** How the next calls go, in order. */
  const next: ConstructorParameters<typeof Vault>[] = [];

  beforeAll(async () => {
    gnupg = openGnuPg();
    key = parseFingerprint(gnupg.makeKey('Rebuilder', 'rsa2048', 'cert'));
    gnupg.addSubkey(key, 'rsa2048');
    keygrip = subkeysOf(key)[0]?.keygrip ?? '';
    several = parseFingerprint(gnupg.makeKey('Of several subkeys', 'rsa2048', 'cert'));
    for (const _ of [1, 2]) gnupg.addSubkey(several, 'ed25519');
    home = mkdtempSync(join(tmpdir(), 'agent-'));
    agent = await openVaultAgent({
      home: join(home, 'a'),
      publicKeys: [key, several].map((one) => gnupg.exportKey(one)),
      clock: systemClock,
      caller: {
        raw(service, target) {
          expect([service, target]).toEqual(['qubes.Gpg2', '@default']);
          const vault = new Vault(...(next.shift() ?? [keygrip, greeted, {}]));
          vaults.push(vault);
          return vault.call;
        },
      },
    });
  });
  afterAll(async () => {
    await agent?.close();
    gnupg?.remove();
    rmSync(home, { recursive: true, force: true });
  });

  function subkeysOf(of: Fingerprint): readonly Readonly<{ keyid: string; keygrip: string }>[] {
    const list = gnupg.gpg(['--with-colons', '--with-keygrip', '-k', of]).toString();
    const parts = list.matchAll(/^sub:.*\nfpr:{9}([0-9A-F]{40}):\ngrp:{9}([0-9A-F]{40}):/gm);
    return [...parts].map(([, keyid = '', grip = '']) => ({ keyid, keygrip: grip }));
  }

  function sign(
    greet: (vault: Vault) => void,
    answers: Readonly<Record<string, (vault: Vault) => void>> = {},
    timeoutMs = 20_000,
  ): Promise<Buffer> {
    next.push([keygrip, greet, answers]);
    return splitGpg2Signer(key, agent, { timeoutMs }).sign(Buffer.from('x'));
  }

  it.each([
    [
      'declines, or can ask nobody',
      greeted,
      { PKSIGN: filtered },
      'the vault refused to sign: its person declined or could not be asked; `autoaccept = yes` in its qubes-split-gpg2.conf asks nobody',
    ],
    ['filters what gpg asks', greeted, { HAVEKEY: filtered }, "the vault does not let gpg's HAVEKEY through"],
    [
      'has no prompt to show',
      greeted,
      {
        PKSIGN: (vault: Vault) =>
          vault.end(0, "FileNotFoundError: No such file or directory: 'zenity'\nerror; Closing!\n"),
      },
      "the vault ended the call without an answer (0): FileNotFoundError: No such file or directory: 'zenity'",
    ],
    [
      'dies on the way',
      greeted,
      { SETHASH: (vault: Vault) => vault.end(137) },
      'the vault ended the call without an answer (137)',
    ],
    [
      'is not allowed',
      (vault: Vault) => vault.end(126, 'Request refused\n'),
      {},
      'the vault is not allowed to us, or could not be started: Request refused',
    ],
    ['does not serve it', (vault: Vault) => vault.end(127), {}, 'the vault does not serve qubes.Gpg2'],
    [
      'cannot be called',
      (vault: Vault) => vault.end(new Error('ENOENT')),
      {},
      'the vault cannot be called from here',
    ],
    [
      'is no agent',
      (vault: Vault) => vault.say('HTTP/1.1 400 Bad Request'),
      {},
      'the vault answered garbage',
    ],
    [
      'has the secret no more',
      greeted,
      { PKSIGN: (vault: Vault) => vault.say('ERR 67108881 No secret key <GPG Agent>') },
      'the vault did not sign: gpg: ended with code 2: gpg: signing failed: No secret key',
    ],
  ] as const)('tells of a vault that %s', async (_what, greet, answers, say) => {
    await expect(sign(greet, answers)).rejects.toMatchObject({ code: 'signing', fault: 'ours', say });
  });

  it('tells of a vault that waits for its person', async () => {
    await expect(sign(greeted, { PKSIGN: () => {} }, 1_000)).rejects.toMatchObject({
      code: 'signing',
      say: 'the vault did not answer within 1 s: a prompt there may wait for its person',
    });
  });

  it('tells each of several signatures what became of its own', async () => {
    const [declines, waits] = [vaults.length, vaults.length + 1];
    const first = sign(greeted, { PKSIGN: () => {} });
    await expect.poll(() => vaults[declines]?.heard.at(-1)).toBe('PKSIGN');
    const second = sign(greeted, { PKSIGN: () => {} });
    await expect.poll(() => vaults[waits]?.heard.at(-1)).toBe('PKSIGN');
    const outcome = second.catch((error: unknown) => error);
    filtered(vaults[declines] as Vault);
    await expect(first).rejects.toMatchObject({ say: expect.stringContaining('declined') });
    (vaults[waits] as Vault).say('ERR 67108881 No secret key <GPG Agent>');
    expect(await outcome).toMatchObject({ say: expect.stringContaining('No secret key') });
  });

  it('asks for the subkey, of the digest, in an agent’s words', async () => {
    const at = vaults.length;
    await expect(sign(greeted, { PKSIGN: filtered })).rejects.toThrow();
    const heard = vaults[at]?.heard ?? [];
    expect(heard).toContain(`SIGKEY ${keygrip}`);
    expect(heard.at(-2)).toMatch(/^SETHASH 8 [0-9A-F]{64}$/);
    expect(heard.at(-1)).toBe('PKSIGN');
  });

  it('asks for the very part that it is told', async () => {
    const subkeys = subkeysOf(several);
    expect(subkeys).toHaveLength(2);
    for (const subkey of subkeys) {
      const at = vaults.length;
      next.push([subkey.keygrip, greeted, { PKSIGN: filtered }]);
      const signer = splitGpg2Signer(several, agent, { user: () => `${subkey.keyid}!` });
      await expect(signer.sign(Buffer.from('x'))).rejects.toThrow();
      expect(vaults[at]?.heard).toContain(`SIGKEY ${subkey.keygrip}`);
    }
  });
});
