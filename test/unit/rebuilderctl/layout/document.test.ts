import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildLayout, type LayoutKey } from '../../../../daemons/lib/domain/layout.ts';
import { CommandError } from '../../../../daemons/rebuilderctl/errors.ts';
import { layoutText, readLayout } from '../../../../daemons/rebuilderctl/layout/document.ts';
import { askPython } from '../../../support/python.ts';

const key: LayoutKey = {
  type: 'rsa',
  method: 'pgp+rsa-pkcsv1.5',
  hashes: ['pgp+SHA2'],
  keyid: '11'.repeat(20),
  keyval: { private: '', public: { e: '010001', n: 'ff' } },
  creation_time: 1,
};
const layout = buildLayout({
  rebuilders: [key],
  threshold: 1,
  expires: '2030-01-01T00:00:00Z',
  readme: 'Zoë 😀 "1.5" \\',
});
const whole = Buffer.from(layoutText({ signatures: [{ keyid: 'ab', sig: 'cd' }], signed: layout }));

/** Whether in-toto's own tools load each file. */
const judge = `
import json, sys
from in_toto.models.metadata import Metablock
def loads(path):
  try:
    return Metablock.load(path).type_ == "layout"
  except Exception:
    return False
print(json.dumps([loads(path) for path in json.load(sys.stdin)]))
`;

let dir: string;
let file: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'document-'));
  file = join(dir, 'root.layout');
});
afterAll(() => rmSync(dir, { recursive: true }));

async function reads(bytes: Buffer): Promise<boolean> {
  writeFileSync(file, bytes);
  try {
    await readLayout(file, 0);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(CommandError);
    expect((error as Error).message.startsWith(`${file}: `)).toBe(true);
    return false;
  }
}

describe('readLayout', () => {
  it('reads back what was written', async () => {
    writeFileSync(file, whole);
    const { signed, signatures } = await readLayout(file, 0);
    expect({ signed, signatures }).toEqual({ signed: layout, signatures: [{ keyid: 'ab', sig: 'cd' }] });
  });

  it('refuses what is JSON to us and not to in-toto', async () => {
    const text = whole.toString();
    const cases = [
      Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), whole]),
      Buffer.from(text.replace('"threshold": 1', '"threshold": 1.0')),
      Buffer.from(text.replace('"threshold": 1', '"threshold": 1e0')),
      Buffer.from(text.replace('"creation_time": 1', '"creation_time": 1.0')),
      Buffer.from(text.replace('Zo', 'Zo\xff'), 'latin1'),
    ];
    const paths = cases.map((bytes, at) => {
      const path = join(dir, `case-${at}`);
      writeFileSync(path, bytes);
      return path;
    });
    expect(askPython(judge, paths)).toEqual(cases.map(() => false));
    for (const bytes of cases) expect(await reads(bytes)).toBe(false);
  });

  it('answers any bytes with a layout that in-toto loads, or with a line that names the file', async () => {
    const mutated = fc
      .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 2 })
      .map((changes) => {
        const copy = Buffer.from(whole);
        for (const [at, to] of changes) copy.writeUInt8(to, at);
        return copy;
      });
    const any = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    const accepted: string[] = [];
    for (const bytes of fc.sample(fc.oneof({ arbitrary: mutated, weight: 5 }, any), 1_500)) {
      if (!(await reads(bytes))) continue;
      accepted.push(join(dir, `accepted-${accepted.length}`));
      writeFileSync(accepted.at(-1) ?? '', bytes);
    }
    expect(accepted.length).toBeGreaterThan(20);
    expect(askPython(judge, accepted)).toEqual(accepted.map(() => true));
  });
});
