import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { convertSources } from '../../../../daemons/rebuilderctl/client/convert.ts';
import { readEntries, type SourcesStyle } from '../../../../daemons/rebuilderctl/client/sources.ts';
import { VerifiersMachine } from '../../../support/verifiers-machine.ts';

let machine: VerifiersMachine;
beforeAll(() => {
  machine = new VerifiersMachine({ files: { '/etc/apt/apt.conf': '', '/var/lib/apt/lists/partial/x': '' } });
  const methods = join(machine.root, 'methods');
  mkdirSync(methods);
  for (const name of ['http', 'HTTP', 'https', 'intoto']) {
    symlinkSync('/usr/lib/apt/methods/http', join(methods, name));
  }
  machine.write(
    '/apt.conf',
    `Dir "${machine.root}/";\nDir::Bin::Methods "${methods}";\nAPT::Architecture "amd64";\n`,
  );
});
afterAll(() => machine.remove());

const files: Readonly<Record<SourcesStyle, string>> = {
  'one-line': '/etc/apt/sources.list.d/t.list',
  deb822: '/etc/apt/sources.list.d/t.sources',
};

/** The indexes that real apt would bring for these sources. */
function askApt(text: string, style: SourcesStyle): ReadonlySet<string> {
  machine.write('/etc/apt/sources.list', '');
  for (const file of Object.values(files)) machine.write(file, '');
  machine.write(files[style], Buffer.from(text, 'latin1'));
  const lines = execFileSync('apt-get', ['update', '--print-uris'], {
    env: { ...process.env, APT_CONFIG: `${machine.root}/apt.conf` },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'latin1',
  });
  return new Set([...lines.matchAll(/^'(\S+\/(?:Packages|Sources))\S*' /gm)].map(([, uri = '']) => uri));
}

const all = { https: true, only: [] };
const simple = 'deb http://a.example/debian sid main\n';

describe('readEntries', () => {
  it('finds what apt finds, where it stands', () => {
    const text = `# deb http://no.example/ sid main
  deb [ arch=amd64 signed-by=/a#b ]http://a.example/debian/ sid main # http://c.example
deb-src http://b.example/debian sid main
deb\t"http://q.example/de bian" flat/
rpm http://r.example/ x
deb http://[::1]:80/d sid main\r
`;
    const entries = readEntries(text, 'one-line');
    expect(entries.map(({ types, uris, suites }) => [types[0], uris[0]?.text, suites[0]])).toEqual([
      ['deb', 'http://a.example/debian/', 'sid'],
      ['deb-src', 'http://b.example/debian', 'sid'],
      ['deb', '"http://q.example/de bian"', 'flat/'],
      ['deb', 'http://[::1]:80/d', 'sid'],
    ]);
    for (const uri of entries.flatMap(({ uris }) => uris)) {
      expect(text.slice(uri.start, uri.start + uri.text.length)).toBe(uri.text);
    }
  });

  it('finds the stanzas that are enabled, every URI of them, and no comment', () => {
    const text = `Types: deb deb-src
# URIs: http://c.example
URIs: http://a.example/debian
# http://c.example
  http://b.example/debian
 \t
Suites: sid
 sid-updates
Components: main

types:deb
URIs:https://d.example
Suites: x/
\r
Types: deb
Enabled: no
URIs: http://off.example
Suites: x/
`;
    expect(
      readEntries(text, 'deb822').map(({ uris, suites }) => [uris.map((uri) => uri.text), suites]),
    ).toEqual([
      [
        ['http://a.example/debian', 'http://b.example/debian'],
        ['sid', 'sid-updates'],
      ],
      [['https://d.example'], ['x/']],
    ]);
  });

  it('answers any bytes with URIs that stand where it says, and none is empty', () => {
    const pieces = fc.constantFrom(
      'deb',
      'deb-src',
      ' ',
      '\t',
      '\n',
      '[',
      ']',
      '"',
      '#',
      'http://a',
      'Types: deb',
      'URIs:',
    );
    const noise = fc.oneof(
      fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join('')),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    );
    fc.assert(
      fc.property(noise, fc.constantFrom<SourcesStyle>('one-line', 'deb822'), (text, style) => {
        for (const { text: uri, start } of readEntries(text, style).flatMap(({ uris }) => uris)) {
          expect(uri).not.toBe('');
          expect(text.slice(start, start + uri.length)).toBe(uri);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('stops at its cap', () => {
    expect(() => readEntries('#'.repeat(1_048_577), 'one-line')).toThrow('more than 1048576 bytes');
  });
});

describe('convertSources', () => {
  it('changes schemes, and tells what it left', () => {
    const text = `${simple}deb-src http://a.example/debian sid main
deb https://b.example/debian sid main
deb mirror+file:/etc/apt/mirrors sid main
deb file:/srv/local ./
deb intoto://c.example/debian sid main
`;
    expect(convertSources(text, 'one-line', { ...all, https: false })).toEqual({
      text: text.replaceAll(' http:', ' intoto:'),
      from: ['http://a.example/debian', 'http://a.example/debian'],
      left: [
        { uri: 'https://b.example/debian', why: 'https' },
        { uri: 'mirror+file:/etc/apt/mirrors', why: 'other' },
      ],
    });
    expect(convertSources(text, 'one-line', all).text).toContain('deb intoto+https://b.example/debian sid');
  });

  it('changes the archives that are named, and what is below them, alone', () => {
    const text = `${simple}deb http://a.example/debian-security sid main\ndeb http://a.example/debian/x sid main\n`;
    expect(convertSources(text, 'one-line', { https: true, only: ['http://a.example/debian/'] })).toEqual({
      text: text.replaceAll(/http(?=:\S*debian(?: |\/x))/g, 'intoto'),
      from: ['http://a.example/debian', 'http://a.example/debian/x'],
      left: [],
    });
  });

  const blank = fc.constantFrom(' ', '\t', '  ');
  const host = fc.constantFrom(
    'http://a.example/debian',
    'http://b.example:8080/x/',
    'HTTP://c.example',
    'http://[::1]/d',
  );
  const suite = fc.constantFrom('sid', 'bookworm/updates', 'trixie');
  const lineSources = fc
    .array(
      fc.oneof(
        fc
          .tuple(
            blank,
            fc.constantFrom('', '[arch=amd64] ', '[ lang=de arch=amd64 ]'),
            host,
            fc.boolean(),
            suite,
            fc.constantFrom('', ' # http://z.example', '\r', '\t'),
          )
          .map(([b, options, uri, isQuoted, name, end]) => {
            const shown = isQuoted ? `"${uri}"` : uri;
            return `${b}deb${b}${options}${shown}${b}${name}${b}main${end}`;
          }),
        fc.constantFrom('', '# deb http://n.example sid main', 'deb-src http://s.example sid main'),
      ),
      { maxLength: 6 },
    )
    .map((lines) => `${lines.join('\n')}\n`);
  const stanzaSources = fc
    .array(
      fc
        .tuple(
          fc.constantFrom('deb', 'deb-src', 'deb deb-src', 'deb-src\n deb'),
          fc.array(host, { minLength: 1, maxLength: 3 }),
          fc.constantFrom(' ', '\n ', '\n# http://c.example\n\t', '\n \n '),
          suite,
          fc.constantFrom(
            '',
            'Enabled: no\n',
            'Enabled: yes\n',
            'X-Note: http://x.example\n',
            '#URIs: http://y\n',
          ),
          fc.constantFrom('URIs:', 'uris: ', 'URIs:\t'),
        )
        .map(
          ([types, hosts, between, name, more, field]) =>
            `Types: ${types}\n${more}${field}${hosts.join(between)}\nSuites: ${name}\nComponents: main\n`,
        ),
      { maxLength: 4 },
    )
    .map((stanzas) => stanzas.join('\n'));

  it('is judged by an apt that takes one archive for one, and reads it by the scheme that comes first', () => {
    const file = 'dists/sid/main/binary-amd64/Packages';
    expect(askApt(simple, 'one-line')).toContain(`http://a.example/debian/${file}`);
    const mixed = askApt(
      `deb-src http://a.example/debian sid main\n${simple.replace('http', 'intoto')}`,
      'one-line',
    );
    expect(mixed).toContain(`http://a.example/debian/${file}`);
    expect(mixed).not.toContain(`intoto://a.example/debian/${file}`);
  });

  it.each([
    ['one-line', lineSources],
    ['deb822', stanzaSources],
  ] as const)('makes of %s sources what real apt reads as the same, by the method', (style, sources) => {
    fc.assert(
      fc.property(sources, (text) => {
        const { text: converted } = convertSources(text, style, all);
        expect(convertSources(converted, style, all).text).toBe(converted);
        expect(converted.replaceAll('intoto:', 'http:').toLowerCase()).toBe(text.toLowerCase());
        const expected = [...askApt(text, style)].map((line) => line.replace(/^http/i, 'intoto'));
        expect(askApt(converted, style)).toEqual(new Set(expected));
      }),
      { numRuns: 8 },
    );
  });
});
