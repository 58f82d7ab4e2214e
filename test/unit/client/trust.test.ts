import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ReceivedMessage, readMessages } from '../../../daemons/client/apt/message.ts';
import { formatTrust, parseTrust, readTrust } from '../../../daemons/client/trust.ts';
import { readPublicKey } from '../../../daemons/lib/openpgp/public-key.ts';
import { type GnuPg, openGnuPg } from '../../support/gnupg.ts';

describe('trust', () => {
  let folder: string;
  let gnupg: GnuPg;
  let owner: string;
  let layout: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'trust-'));
    layout = join(folder, 'root.layout');
    writeFileSync(layout, '{"größe": "\n"}');
    gnupg = openGnuPg();
    owner = gnupg.makeKey('Owner', 'rsa2048', 'cert');
    gnupg.addSubkey(owner, 'rsa2048');
  });
  afterAll(() => {
    gnupg?.remove();
    rmSync(folder, { recursive: true });
  });

  const read = (keyids: readonly string[], more: { layout?: string | undefined; gpgHomedir?: string } = {}) =>
    readTrust({ layout, gpgHomedir: gnupg.home, keyids, ...more });

  it('is the layout’s text and each owner’s key with its subkeys, and crosses to the judge unchanged', async () => {
    const key = readPublicKey(gnupg.exportKey(owner));
    const [subkey = ''] = Object.keys(key.subkeys ?? {});
    const trust = await read([owner.toLowerCase(), `0x${subkey}`, owner.replace(/....(?!$)/g, '$& ')]);
    expect(trust).toEqual({ layout: '{"größe": "\n"}', ownerKeys: [key, key, key] });
    async function* bytes() {
      yield formatTrust(trust);
    }
    const received: ReceivedMessage[] = [];
    for await (const message of readMessages(bytes(), 'the method')) received.push(message);
    expect(received.map(parseTrust)).toEqual([trust]);
  });

  it('names the option that does not lead to it', async () => {
    const stranger = 'AB'.repeat(20);
    const cases: readonly (readonly [Parameters<typeof read>, string])[] = [
      [[[owner], { layout: undefined }], 'APT::Intoto::Layout is not set'],
      [[[]], 'APT::Intoto::Keyids is not set'],
      [[[owner], { layout: '/none' }], 'APT::Intoto::Layout /none: there is no such file'],
      [[[owner], { layout: folder }], `APT::Intoto::Layout ${folder}: `],
      [[[owner.slice(-16)]], `expected a full fingerprint, 40 digits; gpg --fingerprint ${owner.slice(-16)}`],
      [[[stranger]], `APT::Intoto::Keyids ${stranger}, in APT::Intoto::GPGHomedir ${gnupg.home}: gpg has no`],
      [[[owner], { gpgHomedir: '/none' }], 'in APT::Intoto::GPGHomedir /none: gpg'],
    ];
    for (const [args, say] of cases) await expect(read(...args)).rejects.toThrow(say);
  });
});
