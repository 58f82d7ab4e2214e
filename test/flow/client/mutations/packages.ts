import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDeb } from '../../../support/deb.ts';
import type { Draw } from './draw.ts';
import { type Expected, refused } from './expected.ts';
import { byAll, type Good, type Kind } from './kind.ts';

/** Packages that are not the ones that were rebuilt. */

const otherBytes = refused('hash-differs', 'RuleVerificationError');
/** Who verifies by hand has the file alone, and it does not open. */
const broken: Expected = { ...otherBytes, verify: 'package-unreadable' };
/** It is a package, and not the one that its name says. */
const misnamed: Expected = { ...otherBytes, verify: 'package-misnamed' };
const notThere: Expected = {
  ...refused('file-not-in-link', 'RuleVerificationError'),
  verify: 'package-misnamed',
};
/** apt looks at the size before anything else. */
const otherSize: Expected = { ...otherBytes, method: 'apt', debian: 'apt' };

export const packages: readonly Kind[] = [
  indexed('a bit of its data', 5, otherBytes, ({ deb }, draw) => flipped(deb, draw, partsOf(deb).data)),
  indexed('a bit of its control data', 2, broken, ({ deb }, draw) => {
    const { start, end } = partsOf(deb).control;
    // Between the header and the last octets of what gzip keeps a checksum of.
    return flipped(deb, draw, { start: start + 10, end: end - 12 });
  }),
  indexed('cut off in its data', 2, otherBytes, ({ deb }, draw) => {
    const { start, end } = partsOf(deb).data;
    return deb.subarray(0, draw.between(start, end));
  }),
  indexed('cut off in its control data', 1, broken, ({ deb }, draw) => {
    const { start, end } = partsOf(deb).control;
    return deb.subarray(0, draw.between(start, end - 2));
  }),
  indexed('bytes after its end', 1, otherBytes, ({ deb }, draw) =>
    Buffer.concat([deb, draw.bytes(draw.between(1, 100))]),
  ),
  indexed('another mark at its beginning', 1, broken, ({ deb }, draw) =>
    flipped(deb, draw, { start: 0, end: 8 }),
  ),
  indexed('built with other files', 2, otherBytes, (good, draw) => built(good, draw)),
  indexed('another package', 2, misnamed, (good, draw) => built({ ...good, package: 'hello' }, draw)),
  indexed('an older version', 2, misnamed, (good, draw) => built({ ...good, version: '0.9-1' }, draw)),
  replayed('another package', 2, { package: 'hello' }),
  replayed('an older version', 2, { version: '0.9-1' }),
  mirrored('a bit of its data', 2, otherBytes, ({ deb }, draw) => flipped(deb, draw, partsOf(deb).data)),
  mirrored('cut off in its data', 1, otherSize, ({ deb }, draw) => {
    const { start, end } = partsOf(deb).data;
    return deb.subarray(0, draw.between(start, end));
  }),
  mirrored('bytes after its end', 1, otherSize, ({ deb }, draw) =>
    Buffer.concat([deb, draw.bytes(draw.between(1, 100))]),
  ),
];

/** In an archive whose signed index says so. */
function indexed(
  of: string,
  times: number,
  expected: Expected,
  debOf: (good: Good, draw: Draw) => Buffer,
): Kind {
  return {
    of: `package: ${of}`,
    times,
    settings: ['one', 'two', 'spare'],
    expected,
    change: (good, draw) => ({ deb: debOf(good, draw) }),
  };
}

/** Everything about another package that was rebuilt as well, in this one's place. */
function replayed(of: string, times: number, other: Partial<Good>): Kind {
  return {
    ...indexed(`${of}, with its links`, times, notThere, ({ deb }) => deb),
    change: async (good, draw, world) => {
      const stranger = { ...good, ...other };
      const deb = built(stranger, draw);
      const name = `${stranger.package}_${stranger.version.replace(':', '%3a')}_${stranger.architecture}.deb`;
      const products = { [name]: { sha256: createHash('sha256').update(deb).digest('hex') } };
      return { deb, links: await byAll(good, (by) => world.link(products, by)) };
    },
  };
}

/** On a mirror alone. */
function mirrored(...args: Parameters<typeof indexed>): Kind {
  const [of, times, expected, debOf] = args;
  const change: Kind['change'] = (good, draw) => ({ mirrored: debOf(good, draw) });
  return { ...indexed(`${of}, on a mirror`, times, expected, debOf), change };
}

type Part = Readonly<{ start: number; end: number }>;

/** Where control and data lie: ar(5), deb(5). */
function partsOf(deb: Buffer): { control: Part; data: Part } {
  const parts = new Map<string, Part>();
  for (let at = 8; at + 60 <= deb.length; ) {
    const header = deb.subarray(at, at + 60).toString('latin1');
    const [name = '', start, size] = [
      header.slice(0, 16).split('.')[0],
      at + 60,
      Number(header.slice(48, 58)),
    ];
    parts.set(name, { start, end: start + size });
    at = start + size + (size % 2);
  }
  const [control, data] = [parts.get('control'), parts.get('data')];
  if (control === undefined || data === undefined) throw new Error('not a .deb');
  return { control, data };
}

function flipped(deb: Buffer, draw: Draw, { start, end }: Part): Buffer {
  const copy = Buffer.from(deb);
  const at = draw.between(start, end);
  copy.writeUInt8(copy.readUInt8(at) ^ (1 << draw.below(8)), at);
  return copy;
}

function built({ package: name, version, architecture }: Good, draw: Draw): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'built-'));
  try {
    const path = join(folder, 'package.deb');
    makeDeb(path, { package: name, version, architecture }, draw.digits(100));
    return readFileSync(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
