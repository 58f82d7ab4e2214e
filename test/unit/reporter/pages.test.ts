import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ResultRow } from '../../../daemons/lib/contracts/documents/views.ts';
import { shownStates } from '../../../daemons/lib/domain/verdict.ts';
import { makePages } from '../../../daemons/reporter/pages.ts';
import { entry, resultRow } from './rows.ts';

function never(row: ResultRow): never {
  throw new Error(`unknown dist ${row.dist}`);
}

function indexOf(rows: ResultRow[], paths: string[] = []): string {
  const page = makePages(rows, paths.map(entry), never).find(({ path }) => path.endsWith('/index.html'));
  return page?.bytes.toString('utf8') ?? '';
}

/** The page's markup with all text and all attribute values gone. */
function skeleton(page: string): string {
  return [...page.matchAll(/<[^>]*>/g)].map(([tag]) => tag.replace(/="[^"]*"/g, '=""')).join('');
}

describe('makePages', () => {
  it("writes upstream's files for each project that has results", () => {
    const rows = [
      resultRow(),
      resultRow({ dist: 'bookworm/updates.all' }),
      resultRow({ dist: 'qubes-4.3-vm-trixie.amd64' }),
    ];
    expect(makePages(rows, [], never).map(({ path }) => path)).toEqual([
      'debian/results/debian.json',
      'debian/results/debian_bookworm.json',
      'debian/results/debian_bookworm:updates.json',
      'debian/results/index.html',
      'qubesos/results/qubesos.json',
      'qubesos/results/qubesos_qubes-4.3-vm-trixie.json',
      'qubesos/results/index.html',
    ]);
  });

  it('splits the whole into one file a distribution', () => {
    const rows = [resultRow(), resultRow({ dist: 'sid.all' })];
    const [whole, bookworm, sid] = makePages(rows, [], never).map(({ bytes, path }) =>
      path.endsWith('.json') ? JSON.parse(bytes.toString()) : null,
    );
    expect({ ...bookworm, ...sid }).toEqual(whole);
    expect(Object.keys(sid)).toEqual(['sid']);
  });

  it('writes the same bytes for the same results in any order', () => {
    const rows = [
      resultRow(),
      resultRow({ source: 'dash' }),
      resultRow({ source: 'dash', dist: 'sid.amd64' }),
    ];
    expect(makePages(rows, [], never)).toEqual(makePages(rows.toReversed(), [], never));
  });

  it('has a page even before anything was built', () => {
    expect(makePages([], [], never).map(({ path }) => path)).toEqual([
      'debian/results/debian.json',
      'debian/results/index.html',
    ]);
    expect(indexOf([])).toContain('Nothing was built yet.');
  });
});

describe('the page', () => {
  it('tells state, code, reason, files, hashes and links', () => {
    const page = indexOf(
      [
        resultRow(),
        resultRow({
          source: 'cowsay',
          state: 'failure',
          verdict: 'failure',
          code: 'environment-unknown',
          say: 'a guess',
        }),
      ],
      [
        'debian/sources/libcap2/1:2.66-4+deb12u3+b1/metadata',
        'debian/sources/libcap2/2.66-4+deb12u3+b1/rebuild.0123abcd.link',
      ],
    );
    expect(page).toContain('environment-unknown');
    expect(page).toContain('a guess');
    expect(page).toContain('a'.repeat(64));
    expect(page).toContain('href="../sources/libcap2/1%3A2.66-4%2Bdeb12u3%2Bb1/metadata"');
    expect(page).toContain('href="../sources/libcap2/2.66-4%2Bdeb12u3%2Bb1/rebuild.0123abcd.link"');
    expect(page).toContain('<time datetime="2025-11-24T16:00:00Z">');
    expect(page).not.toContain('<script');
  });

  it('tells what stays attested where the state says something else', () => {
    const at = 1_764_000_000_000;
    const attested = [
      { verdict: 'reproducible', at },
      { verdict: 'failure', at: 2 ** 53 - 1 },
    ];
    const row = resultRow({ state: 'failure', code: 'build-failed', attested });
    const merged = 'debian/sources/libcap2/2.66-4+deb12u3+b1/rebuild.0123abcd.link';
    const note = 'Attested reproducible on <time datetime="2025-11-24T16:00:00Z">2025-11-24T16:00:00Z</time>';
    expect(indexOf([row], [merged])).toContain(`${note}, still published.`);
    expect(indexOf([row])).toContain(
      `${note}. Attested in part on <time datetime="+275760-09-13T00:00:00Z">`,
    );
    expect(indexOf([resultRow({ attested: attested.slice(0, 1) })])).not.toContain('Attested');
  });

  it('draws each bar to its full width and says the same in its table', () => {
    const rows = shownStates.flatMap((state, index) =>
      Array.from({ length: index + 1 }, () => resultRow({ state, verdict: null })),
    );
    const page = indexOf(rows);
    const widths = [...page.matchAll(/<rect [^>]*width="(\d+)"/g)].map(([, width]) => Number(width));
    expect(widths).toHaveLength(shownStates.length);
    expect(widths.reduce((sum, width) => sum + width, 0)).toBe(1_000);
    expect(page).toContain(`<th scope="row">all</th><td>${rows.length}</td>`);
  });

  it('shows any foreign text as text', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1 }),
      fc.constantFrom(
        '<script>canary()</script>',
        '"><img src=x onerror=canary()>',
        "' onmouseover='canary()",
        '</style><script>canary()</script>',
        '<!--',
        ']]>',
        '\u202egnp.exe',
        '\u001b[31mred',
        '&lt;script&gt;',
        'javascript:canary()',
      ),
    );
    fc.assert(
      fc.property(hostile, hostile, (say, name) => {
        const plain = resultRow({ say: 'x' });
        const bad = {
          ...plain,
          say,
          source: name as ResultRow['source'],
          files: plain.files.map((file) => ({ ...file, name: name as typeof file.name })),
        };
        const page = indexOf([bad]);
        expect(skeleton(page)).toBe(skeleton(indexOf([plain])));
        // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be on the page
        expect(page).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        expect(page.toLowerCase()).not.toContain('<script');
      }),
    );
  });
});
