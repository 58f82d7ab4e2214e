import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Rebuilders } from '../../../daemons/client/fetch/metadata.ts';
import { Judge } from '../../../daemons/client/judge.ts';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { dayMs } from '../../../daemons/lib/domain/date.ts';
import { buildLayout } from '../../../daemons/lib/domain/layout.ts';
import { type Artifacts, linkOf } from '../../../daemons/lib/domain/link.ts';
import { formatMetablock, type JsonObject } from '../../../daemons/lib/domain/metablock.ts';
import { parseBinaryName, parseDebVersion } from '../../../daemons/lib/domain/names.ts';
import { NetError } from '../../../daemons/lib/net/errors.ts';
import { layoutTime } from '../../../daemons/lib/openpgp/sign.ts';
import { gpgKey, type TestKey } from '../../support/in-toto/keys.ts';

const [owner, alice] = [gpgKey('rsa'), gpgKey('rsa')];
const expires = layoutTime(systemClock.now() + dayMs);
const signed = (document: unknown, key: TestKey) =>
  formatMetablock({ signatures: [key.sign(document as JsonObject)], signed: document as JsonObject });
const trust = {
  layout: signed(buildLayout({ rebuilders: [alice.key], threshold: 1, expires }), owner),
  ownerKeys: [owner.key],
};

describe('Judge', () => {
  let folder: string;
  const name = 'foo_1%3a1_all.deb';
  const good = { [name]: { sha256: createHash('sha256').update('a package').digest('hex') } };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'judge-'));
    writeFileSync(join(folder, name), 'a package');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** `answers`: a link's products, or why there is no answer, by rebuilder. */
  function judge(
    answers: Readonly<Record<string, Artifacts | NetError['code']>>,
    noFail = false,
    file = name,
  ) {
    const rebuilders = new Rebuilders(Object.keys(answers), async (uri) => {
      const answer = answers[uri.replace(/\/sources\/.*/, '')];
      if (typeof answer === 'object') return Buffer.from(signed(linkOf(answer), alice));
      throw new NetError(answer ?? 'refused', uri, `${answer} it is`);
    });
    return new Judge({ trust, rebuilders, noFail, clock: systemClock }).judge({
      path: Buffer.from(join(folder, file)),
      fileName: name,
      package: parseBinaryName('foo'),
      version: parseDebVersion('1:1'),
    });
  }

  it('says who vouches for a package, and which rebuilders are in trouble', async () => {
    expect(await judge({ 'http://a': 'unreachable', 'http://b': good, 'http://c': 'not-found' })).toEqual({
      kind: 'verified',
      say: `foo 1:1: verified, rebuilt by http://b (key ${alice.keyid.slice(0, 16).toUpperCase()})`,
      troubles: ['no link from http://a: unreachable it is'],
    });
  });

  it('says why it refuses one, by its code and by rebuilder', async () => {
    const missing = await judge({ 'http://a': 'unreachable', 'http://b': 'not-found' });
    expect(missing.kind).toBe('refused');
    expect(missing.say).toMatch(
      /^in-toto refuses foo 1:1: link-not-found: .*found 0; http:\/\/a: unreachable/,
    );
    expect(missing.say).toContain('; http://b: not-found it is');
    expect((await judge({})).say).toContain('; APT::Intoto::Rebuilders is not set');
  });

  it('forgives a missing link alone, where NoFail says so', async () => {
    const forgiven = await judge({ 'http://a': 'unreachable' }, true);
    expect(forgiven.kind).toBe('forgiven');
    expect(forgiven.say).toContain(
      'foo 1:1 is not verified, and let through by APT::Intoto::NoFail: link-not-found',
    );
    const wrong = await judge({ 'http://a': { [name]: { sha256: '00' } } }, true);
    expect(wrong).toMatchObject({ kind: 'refused', say: expect.stringContaining('hash-differs') });
  });

  it('judges nothing that cannot be read', async () => {
    await expect(judge({ 'http://a': good }, true, 'gone.deb')).rejects.toThrow('ENOENT');
  });
});
