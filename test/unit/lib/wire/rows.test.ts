import { describe, expect, it } from 'vitest';
import { formatJsonLines } from '../../../../daemons/lib/contracts/json-lines.ts';
import type { QueryRequests } from '../../../../daemons/lib/contracts/query.ts';
import { queryRow, queryRows } from '../../../../daemons/lib/wire/rows.ts';
import { fakeCaller } from '../../../support/fake-caller.ts';

const identity = { parse: (untrusted: unknown) => untrusted };

describe('queryRows', () => {
  it('goes from page to page until there is no cursor', async () => {
    const asked: (string | undefined)[] = [];
    const caller = fakeCaller({
      'rebuilder.Query+results': ({ request }) => {
        const { cursor, source } = request as QueryRequests['results'];
        expect(source).toBe('dash');
        asked.push(cursor);
        const from = Number(cursor ?? 0);
        return {
          reply: { cursor: from < 4 ? String(from + 2) : null },
          objects: [formatJsonLines([from, from + 1])],
        };
      },
    });
    const rows: unknown[] = [];
    for await (const row of queryRows(caller, 'results', { source: 'dash' as never }, identity))
      rows.push(row);
    expect(rows).toEqual([0, 1, 2, 3, 4, 5]);
    expect(asked).toEqual([undefined, '2', '4']);
  });

  it('gives nothing for a page without objects', async () => {
    const caller = fakeCaller({ 'rebuilder.Query+jobs': () => ({}) });
    for await (const row of queryRows(caller, 'jobs', {}, identity)) expect(row).toBeUndefined();
    await expect(queryRow(caller, 'jobs', {}, identity)).rejects.toThrow('view jobs: no row came');
  });

  it('stops when a page names itself as the next', async () => {
    const caller = fakeCaller({
      'rebuilder.Query+jobs': () => ({ reply: { cursor: 'a' }, objects: ['1\n'] }),
    });
    const rows: unknown[] = [];
    await expect(async () => {
      for await (const row of queryRows(caller, 'jobs', {}, identity)) rows.push(row);
    }).rejects.toThrow(/begins where this one did/);
    expect(rows).toEqual([1, 1]);
  });

  it('can be left at any row', async () => {
    const caller = fakeCaller({
      'rebuilder.Query+jobs': () => ({
        objects: [formatJsonLines(Array.from({ length: 50_000 }, (_, i) => i))],
      }),
    });
    for await (const row of queryRows(caller, 'jobs', {}, identity)) {
      if (row === 3) break;
    }
    expect(await queryRow(caller, 'jobs', {}, identity)).toBe(0);
  });

  it('refuses a row that its parser refuses', async () => {
    const caller = fakeCaller({ 'rebuilder.Query+jobs': () => ({ objects: ['{"a":1}\n{'] }) });
    await expect(async () => {
      for await (const _ of queryRows(caller, 'jobs', {}, identity));
    }).rejects.toThrow(/view jobs: line 2: not JSON/);
  });
});
