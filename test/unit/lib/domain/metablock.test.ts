import { describe, expect, it } from 'vitest';
import { linkOf } from '../../../../daemons/lib/domain/link.ts';
import {
  formatMetablock,
  type JsonObject,
  maxJsonValues,
  maxMetablockBytes,
  parseMetablock,
} from '../../../../daemons/lib/domain/metablock.ts';

describe('parseMetablock', () => {
  const signed = (member: string) => `{"signatures": [], "signed": {"x": ${member}}}`;

  it.each([
    ['empty lists', `[${'[],'.repeat(maxJsonValues)}[]]`],
    ['empty objects', `[${'{},'.repeat(maxJsonValues)}{}]`],
    ['members', `{${'"a":0,'.repeat(maxJsonValues)}"a":0}`],
  ])('builds nothing of more %s than a document has', (_what, member) => {
    expect(() => parseMetablock(signed(member))).toThrow(expect.objectContaining({ code: 'too-large' }));
  });

  it('counts nothing inside of text, and reads thirty thousand products', () => {
    const text = `"${',[{\\",'.repeat(maxJsonValues)}"`;
    expect(parseMetablock(signed(text)).untrusted).toHaveProperty('x');
    const names = Array.from({ length: 30_000 }, (_, at) => `some-package-${at}_1.0-1_amd64.deb`);
    const link = linkOf(Object.fromEntries(names.map((name) => [name, { sha256: 'ab'.repeat(32) }])));
    const file = formatMetablock({ signatures: [], signed: link as unknown as JsonObject });
    expect(file.length).toBeLessThan(maxMetablockBytes);
    expect(parseMetablock(file).untrusted).toEqual(link);
  });
});
