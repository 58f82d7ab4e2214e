import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFingerprint, parseSha256 } from '../../../../daemons/lib/domain/names.ts';
import {
  formatManifest,
  type Manifest,
  ManifestError,
  maxManifestBytes,
  parseManifest,
} from '../../../../daemons/rebuilderctl/client/manifest.ts';
import { places } from '../../../../daemons/rebuilderctl/client/places.ts';

const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length });
const path = fc.constantFrom(
  places.aptConf,
  places.layout,
  places.keyring,
  places.sourceList,
  `${places.sourceParts}/a.sources`,
);
const manifests: fc.Arbitrary<Manifest> = fc.record({
  complete: fc.boolean(),
  settings: fc.record({
    rebuilders: fc.array(fc.constantFrom('http://a.example', 'https://b.example:1/x'), { maxLength: 3 }),
    owners: fc.array(hex(40).map(parseFingerprint), { maxLength: 3 }),
    logLevel: fc.integer({ min: 0, max: 50 }),
    noFail: fc.boolean(),
  }),
  folders: fc.subarray([places.state, places.gpgHome, '/etc/apt/apt.conf.d', '/var/lib']),
  entries: fc.uniqueArray(
    fc.record({
      path,
      original: fc.option(
        fc.record({
          mode: fc.integer({ min: 0, max: 0o777 }),
          content: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
        }),
      ),
      written: fc.array(hex(64).map(parseSha256), { maxLength: 3 }),
    }),
    { selector: (entry) => entry.path, maxLength: 4 },
  ),
});

const one = (change: (document: Record<string, unknown>) => void): Buffer => {
  const document = JSON.parse(
    formatManifest({
      complete: true,
      settings: { rebuilders: ['http://a.example'], owners: [], logLevel: 20, noFail: false },
      folders: [places.state],
      entries: [{ path: places.aptConf, original: null, written: [] }],
    }),
  );
  change(document);
  return Buffer.from(JSON.stringify(document));
};

describe('parseManifest', () => {
  it('reads back what was written', () => {
    fc.assert(
      fc.property(manifests, (manifest) => {
        expect(parseManifest(Buffer.from(formatManifest(manifest)))).toEqual(manifest);
      }),
    );
  });

  it.each<[string, (document: Record<string, unknown>) => void]>([
    ['another version', (document) => (document.v = 2)],
    ['no word whether it is complete', (document) => delete document.complete],
    [
      'a file that no installation writes',
      (document) => (document.entries = [{ path: '/etc/passwd', original: null, written: [] }]),
    ],
    [
      'a path with ..',
      (document) =>
        (document.entries = [{ path: `${places.sourceParts}/../x.list`, original: null, written: [] }]),
    ],
    [
      'a path twice',
      (document) => (document.entries = [...(document.entries as []), ...(document.entries as [])]),
    ],
    ['a folder that is none of ours', (document) => (document.folders = ['/home'])],
    ['a folder with ..', (document) => (document.folders = ['/var/lib/package-rebuilder-client/../../..'])],
    [
      'an original that is no base64',
      (document) =>
        (document.entries = [{ path: places.aptConf, original: { mode: 1, base64: '=' }, written: [] }]),
    ],
    [
      'a mode that is none',
      (document) =>
        (document.entries = [{ path: places.aptConf, original: { mode: 4096, base64: '' }, written: [] }]),
    ],
    [
      'a hash that is none',
      (document) => (document.entries = [{ path: places.aptConf, original: null, written: ['ab'] }]),
    ],
    ['no settings', (document) => (document.settings = null)],
    ['too many entries', (document) => (document.entries = Array(1_001).fill(null))],
  ])('refuses %s', (_what, change) => {
    expect(() => parseManifest(one(change))).toThrow(ManifestError);
  });

  it('answers any bytes with a manifest that keeps to our files, or a ManifestError', () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
      fc.json().map((text) => Buffer.from(text)),
      fc
        .tuple(fc.constantFrom('v', 'complete', 'settings', 'folders', 'entries'), fc.jsonValue())
        .map(([name, value]) => one((document) => (document[name] = value))),
    );
    fc.assert(
      fc.property(noise, (bytes) => {
        try {
          for (const entry of parseManifest(bytes).entries)
            expect(entry.path).toMatch(/^\/(etc\/apt|var\/lib)\//);
        } catch (error) {
          expect(error).toBeInstanceOf(ManifestError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('stops at its cap', () => {
    expect(() => parseManifest(Buffer.alloc(maxManifestBytes + 1, 0x20))).toThrow('larger than');
  });
});
