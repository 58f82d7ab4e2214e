import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SigningKey } from '../../../daemons/attester/keys.ts';
import { Notices, noticesOf, type Watched } from '../../../daemons/attester/notices.ts';
import { maxNoticeSay, maxNotices, noticeSchema } from '../../../daemons/lib/contracts/documents/notice.ts';
import { VirtualClock } from '../../../daemons/lib/daemon/clock.ts';
import { openLog } from '../../../daemons/lib/daemon/log.ts';
import { dayMs } from '../../../daemons/lib/domain/date.ts';
import { buildLayout, type LayoutKey } from '../../../daemons/lib/domain/layout.ts';
import { formatMetablock, type JsonObject } from '../../../daemons/lib/domain/metablock.ts';
import { parseFingerprint } from '../../../daemons/lib/domain/names.ts';
import { layoutTime } from '../../../daemons/lib/openpgp/sign.ts';

const now = 1_800_000_000_000;
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'notices-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function layoutKey(start: string, more: Partial<LayoutKey> = {}): LayoutKey {
  return {
    type: 'rsa',
    method: 'pgp+rsa-pkcsv1.5',
    hashes: ['pgp+SHA2'],
    keyid: start.padEnd(40, '0'),
    keyval: { private: '', public: { e: '010001', n: 'c'.repeat(768) } },
    creation_time: now / 1_000 - 1,
    ...more,
  };
}
const own = layoutKey('aa');
const other = layoutKey('bb');

function signs(until: number | undefined, key = own, name = 'in-toto-sign-key-fpr'): SigningKey {
  const fingerprint = parseFingerprint(key.keyid.toUpperCase());
  const signer = { fingerprint, sign: async () => Buffer.alloc(0) };
  return { name, fingerprint, key, until, armored: Buffer.alloc(0), parts: [], signer, previous: [] };
}

function layout(keys: readonly LayoutKey[], { threshold = 1, days = 365, signed = true } = {}): string {
  const made = buildLayout({ rebuilders: keys, threshold, expires: layoutTime(now + days * dayMs) });
  const signatures = signed ? [{ keyid: 'cc', sig: 'dd' }] : [];
  const file = join(dir, 'root.layout');
  writeFileSync(file, formatMetablock({ signatures, signed: made as unknown as JsonObject }));
  return file;
}

function watched(more: Partial<Watched>): Watched {
  return { reproducible: signs(undefined), unreproducible: undefined, rootLayout: undefined, ...more };
}
async function found(more: Partial<Watched>) {
  const notices = await noticesOf([watched(more)], now);
  return notices.map(({ code, at }) => [code, at]);
}

describe('what the attester has to say', () => {
  it('is nothing while its keys last and the layout believes them', async () => {
    expect(await found({ reproducible: signs(now + 61 * dayMs), rootLayout: layout([own, other]) })).toEqual(
      [],
    );
    expect(await found({ reproducible: undefined })).toEqual([]);
  });

  it('is the end of either key, 60 days ahead and when it has come', async () => {
    const ends = [now + 59 * dayMs, now - 1] as const;
    const unreproducible = signs(ends[1], other, 'in-toto-sign-key-unreproducible-fpr');
    const notices = await noticesOf([watched({ reproducible: signs(ends[0]), unreproducible })], now);
    expect(notices).toEqual([
      {
        code: 'key-expires',
        at: ends[0],
        say: expect.stringContaining(`in-toto-sign-key-fpr ${own.keyid.toUpperCase()} ends on 2027`),
      },
      {
        code: 'key-expired',
        at: ends[1],
        say: expect.stringContaining('in-toto-sign-key-unreproducible-fpr BB00'),
      },
    ]);
  });

  it('is the end of a previous key, with how to have its links signed again, and that the layout dropped it', async () => {
    const name = 'in-toto-sign-key-previous-fpr';
    const previous = (until: number | undefined) => [signs(until, other, name)];
    const ending = { ...signs(undefined), previous: previous(now + dayMs) };
    const [notice] = await noticesOf([watched({ reproducible: ending })], now);
    expect(notice).toMatchObject({ code: 'key-expires', at: now + dayMs });
    expect(notice?.say).toContain(`rebuilderctl resign --signed-by ${other.keyid.toUpperCase()}`);
    const rootLayout = layout([own]);
    expect(
      await found({ reproducible: { ...signs(undefined), previous: previous(undefined) }, rootLayout }),
    ).toEqual([['layout-lacks-key', null]]);
    expect(
      await found({ reproducible: { ...signs(undefined), previous: previous(now - 1) }, rootLayout }),
    ).toEqual([['key-expired', now - 1]]);
  });

  it('is the end of the layout and of each key in it', async () => {
    const soon = layoutKey('cc', { validity_period: 86_400 });
    const at = now - 1_000 + dayMs;
    expect(await found({ rootLayout: layout([own, soon], { days: 59 }) })).toEqual([
      ['layout-expires', now + 59 * dayMs],
      ['layout-key', at],
    ]);
    expect(await found({ rootLayout: layout([own], { days: -1 }) })).toEqual([
      ['layout-expired', now - dayMs],
    ]);
  });

  it('is that the layout does not know our key, or not as it is now', async () => {
    expect(await found({ rootLayout: layout([other]) })).toEqual([['layout-lacks-key', null]]);
    const subkey = layoutKey('dd');
    const renewed = signs(undefined, layoutKey('aa', { subkeys: { [subkey.keyid]: subkey } }));
    expect(await found({ reproducible: renewed, rootLayout: layout([own]) })).toEqual([['layout-key', null]]);
    expect(await found({ reproducible: undefined, rootLayout: layout([other]) })).toEqual([]);
  });

  it('is that no package can satisfy the layout', async () => {
    const expired = layoutKey('cc', { validity_period: 1, creation_time: 1 });
    expect(await found({ rootLayout: layout([own, expired], { threshold: 2 }) })).toEqual([
      ['layout-threshold', null],
      ['layout-key', 2_000],
    ]);
  });

  it('is why the layout is not published', async () => {
    const say = async (rootLayout: string) => (await noticesOf([watched({ rootLayout })], now))[0];
    expect(await say(layout([own], { signed: false }))).toMatchObject({
      code: 'layout-unreadable',
      say: expect.stringContaining('not signed'),
    });
    expect(await say(join(dir, 'nowhere'))).toMatchObject({ say: expect.stringContaining('ENOENT') });
    writeFileSync(join(dir, 'junk'), '{"signed":');
    expect(await say(join(dir, 'junk'))).toMatchObject({ code: 'layout-unreadable' });
  });

  it('is said once for all projects, and never more than a lease may carry', async () => {
    const one = watched({ reproducible: signs(now) });
    expect(await noticesOf([one, one], now)).toHaveLength(1);
    const ending = Array.from({ length: 30 }, (_, index) =>
      layoutKey(`${10 + index}`, { validity_period: 86_400 }),
    );
    const many = await noticesOf([watched({ rootLayout: layout([own, ...ending]) })], now);
    expect(many).toHaveLength(maxNotices);
    expect(many.at(-1)).toMatchObject({ say: expect.stringMatching(/^11 more: /) });
    const long = join(dir, 'x'.repeat(200), 'y'.repeat(200), 'z'.repeat(300));
    for (const notice of [...many, ...(await noticesOf([watched({ rootLayout: long })], now))]) {
      expect(noticeSchema.parse(notice)).toEqual(notice);
      expect(notice.say.length).toBeLessThanOrEqual(maxNoticeSay);
    }
  });
});

describe('notices', () => {
  it('follow the layout’s file within a minute, and stand in the journal at once and then once a day', async () => {
    const clock = new VirtualClock(1, now);
    const lines: string[] = [];
    const log = openLog('attester', { style: 'plain', write: (line) => lines.push(line) });
    const rootLayout = layout([other]);
    const notices = new Notices({ watched: [watched({ rootLayout })], clock, log });
    const codes = async () => (await notices.current()).map(({ code }) => code);
    expect(await codes()).toEqual(['layout-lacks-key']);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/ warning attester: .*is not in the layout.* code=layout-lacks-key\n$/);
    layout([own]);
    expect(await codes()).toEqual(['layout-lacks-key']);
    await clock.advance(60_000);
    expect(await codes()).toEqual([]);
    layout([other]);
    for (let hours = 1; hours < 24; hours += 1) {
      await clock.advance(3_600_000);
      expect(await codes()).toEqual(['layout-lacks-key']);
    }
    expect(lines).toHaveLength(1);
    await clock.advance(3_600_000);
    await codes();
    expect(lines).toHaveLength(2);
  });
});
