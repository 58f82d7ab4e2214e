import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newestEntry } from '../../../../daemons/lib/domain/changelog.ts';

const entry = `libcap2 (1:2.66-4+deb12u3+b1) bookworm; urgency=low, binary-only=yes

  * Binary-only non-maintainer upload for amd64; no source changes.
  * Rebuild for outdated Built-Using (glibc/2.36-9+deb12u13)

 -- amd64 / i386 Build Daemon (x86-csail-01) <buildd@buildd.debian.org>  Thu, 07 May 2026 21:10:44 +0000`;
const older = `\n\nlibcap2 (1:2.66-4) bookworm; urgency=low\n\n  * Old.\n\n -- A <a@b>  Thu, 07 May 2020 21:10:44 +0000\n`;

describe('newestEntry', () => {
  it('takes the first entry alone', () => {
    expect(newestEntry(`\n${entry}${older}`)).toEqual({
      source: 'libcap2',
      version: '1:2.66-4+deb12u3+b1',
      text: entry,
    });
  });

  it.each([
    ['nothing', ''],
    ['no header', entry.replace('libcap2 (', 'libcap2 ')],
    ['no trailer', entry.replace(' -- ', ' - ')],
    ['no date', entry.replace('07 May', '32 May')],
    ['one blank before the date', entry.replace('>  Thu', '> Thu')],
    ['a body that is not indented', entry.replace('  * Binary', '* Binary')],
    ['control characters', entry.replace('Rebuild', 'Re\u001b[31mbuild')],
    ['a line without end', entry.replace('Rebuild', 'x'.repeat(2_000))],
    ["an entry too long to be a binNMU's", entry.replace('Rebuild', `${'x'.repeat(250)}\n  `.repeat(9))],
    ['an entry without end', `${entry.split('\n').slice(0, 3).join('\n')}\n${'  more\n'.repeat(1_000)}`],
  ])('refuses %s', (_what, text) => {
    expect(newestEntry(text)).toBeUndefined();
  });

  it('never throws, and gives back only what was there', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat({ max: entry.length }), (noise, at) => {
        const text = entry.slice(0, at) + noise + entry.slice(at);
        const found = newestEntry(text);
        if (found !== undefined) expect(text).toContain(found.text.split('\n')[0]);
      }),
      { numRuns: 500 },
    );
  });
});
