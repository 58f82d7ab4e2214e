import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parsePublicationEntry } from '../../../daemons/lib/contracts/documents/publication.ts';
import { formatJsonLines, readJsonLines } from '../../../daemons/lib/contracts/json-lines.ts';
import type { QueryRequests } from '../../../daemons/lib/contracts/query.ts';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { openLog } from '../../../daemons/lib/daemon/log.ts';
import type { OutgoingObject } from '../../../daemons/lib/wire/frame.ts';
import { reportResults } from '../../../daemons/reporter/report-job.ts';
import { fakeCaller } from '../../support/fake-caller.ts';
import { entry, resultRow } from './rows.ts';

async function bytesOf(object: OutgoingObject): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of object.bytes()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('reportResults', () => {
  it('reads every page of results and returns the list of pages, then each', async () => {
    const warned: string[] = [];
    const caller = fakeCaller({
      'rebuilder.Query+results': ({ request }) =>
        (request as QueryRequests['results']).cursor === undefined
          ? { reply: { cursor: 'next' }, objects: [formatJsonLines([resultRow()])] }
          : {
              objects: [
                formatJsonLines([resultRow({ source: 'dash' }), resultRow({ dist: 'fedora.amd64' })]),
              ],
            },
      'rebuilder.Query+publication': () => ({
        objects: [formatJsonLines([entry('debian/sources/libcap2/1:2.66-4+deb12u3+b1/metadata')])],
      }),
    });
    const log = openLog('reporter', { style: 'plain', write: (line) => warned.push(line) });
    const { outcome, objects } = await reportResults(
      { log, progress: () => {}, signal: new AbortController().signal },
      { caller, clock: systemClock },
    );
    const [list, ...pages] = await Promise.all(objects.map(bytesOf));
    if (list === undefined) throw new Error('no list of pages');
    expect(outcome).toEqual({ status: 'done', pages: hashOf(list) });
    const entries: { path: string; sha256: string; size: number }[] = [];
    async function* source() {
      yield list as Buffer;
    }
    const options = { what: 'pages', maxLine: 2_000, parse: parsePublicationEntry };
    for await (const one of readJsonLines(source(), options)) entries.push(one);
    expect(entries.map(({ path }) => path)).toEqual([
      'debian/results/debian.json',
      'debian/results/debian_bookworm.json',
      'debian/results/index.html',
    ]);
    const sent = new Map(pages.map((page) => [hashOf(page), page]));
    for (const { sha256, size } of entries) expect(sent.get(sha256)?.length).toBe(size);
    const index = sent.get(entries[2]?.sha256 ?? '')?.toString();
    expect(index).toContain('dash');
    expect(index).toContain('libcap2');
    expect(index).toContain('1%3A2.66-4%2Bdeb12u3%2Bb1/metadata');
    expect(warned.join('')).toMatch(/dist is not of the grammar.*fedora\.amd64/);
  });

  it('fails as the call does when results cannot be read', async () => {
    const log = openLog('reporter', { style: 'plain', write: () => {} });
    const stop = new AbortController();
    const caller = fakeCaller({
      'rebuilder.Query+results': () => {
        stop.abort(new Error('stopped'));
        throw new Error('malformed');
      },
    });
    await expect(
      reportResults({ log, progress: () => {}, signal: stop.signal }, { caller, clock: systemClock }),
    ).rejects.toThrow('stopped');
  });
});
