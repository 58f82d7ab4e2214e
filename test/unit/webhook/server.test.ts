import { request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, VirtualClock } from '../../../daemons/lib/daemon/clock.ts';
import { CallError } from '../../../daemons/lib/wire/call.ts';
import { Answerer } from '../../../daemons/webhook/answer.ts';
import { parseHooks } from '../../../daemons/webhook/hooks.ts';
import { maxBodyBytes, serveHooks } from '../../../daemons/webhook/server.ts';
import { type FakeCall, fakeCaller } from '../../support/fake-caller.ts';
import { signedHeaders } from '../../support/forge.ts';
import { heardLog, type Told } from '../../support/job-context.ts';

const secret = 'a-secret-of-enough-characters';
const hooks = parseHooks(
  `salsa gitlab ${secret} bookworm.amd64\nhub github ${secret}\ntea gitea ${secret}\nscript plain ${secret}`,
  'hooks',
);

describe('the webhook', () => {
  let clock: VirtualClock;
  let served: Awaited<ReturnType<typeof serveHooks>>;
  let asked: unknown[];
  let isAway: boolean;
  let told: Told[];

  beforeEach(async () => {
    clock = new VirtualClock();
    asked = [];
    told = [];
    isAway = false;
    const log = heardLog(told);
    const caller = fakeCaller({
      'rebuilder.Trigger+get': ({ request: wanted }: FakeCall) => {
        if (isAway) throw new CallError('unavailable', 'its daemon is not up yet', false);
        asked.push(wanted);
        return { reply: { submitted: 1, jobs: [] } };
      },
    });
    const answerer = new Answerer({ hooks, caller, clock, log, stop: new AbortController().signal });
    served = await serveHooks({ host: '127.0.0.1', port: 0 }, { answerer, clock: systemClock, log });
  });
  afterEach(() => served.close());

  async function call(
    path: string,
    body: Buffer | string = '{}',
    headers: Record<string, string> = {},
    method = 'POST',
  ): Promise<readonly [number, string]> {
    const sent = request({ host: '127.0.0.1', port: served.port, path, method, headers, agent: false });
    sent.on('error', () => {});
    sent.end(body);
    return await new Promise((resolve, reject) => {
      sent.once('response', (response) =>
        text(response).then((said) => resolve([response.statusCode ?? 0, said.trim()]), reject),
      );
      sent.once('close', () => reject(new Error('no answer')));
    });
  }

  function signed(name: string, body: string): Record<string, string> {
    const hook = hooks.get(name);
    if (hook === undefined) throw new Error(`no hook ${name}`);
    return signedHeaders(hook, Buffer.from(body), clock.now());
  }

  it('has the dist of a hook looked at, or all, in the style of each forge', async () => {
    for (const name of hooks.keys()) {
      expect(await call(`/hooks/${name}`, name, signed(name, name))).toEqual([202, '1 new jobs, 0 waiting']);
    }
    const every = { v: 1, kind: 'get' };
    expect(asked).toEqual([{ ...every, dist: 'bookworm.amd64' }, every, every, every]);
  });

  it('asks for nothing by what a body says', async () => {
    const body = '{"dist":"sid.amd64","v":1}';
    expect(await call('/hooks/hub', body, signed('hub', body))).toMatchObject([202, {}]);
    expect(asked).toEqual([{ v: 1, kind: 'get' }]);
  });

  it.each([
    ['an unknown hook', 404, () => call('/hooks/nobody')],
    ['another path', 404, () => call('/hooks/../hooks/hub')],
    ['another method', 405, () => call('/hooks/hub', '', {}, 'PUT')],
    ['no signature', 401, () => call('/hooks/hub')],
    ['the signature of other bytes', 401, () => call('/hooks/hub', 'b', signed('hub', 'a'))],
    [
      'a call of long ago',
      401,
      async () => {
        const headers = signed('salsa', 'a');
        await clock.advance(301_000);
        return await call('/hooks/salsa', 'a', headers);
      },
    ],
    ['a body that is too long', 413, () => call('/hooks/hub', Buffer.alloc(maxBodyBytes + 1))],
  ])('refuses %s with %i, and tells why', async (_what, status, refused) => {
    expect((await refused())[0]).toBe(status);
    expect(asked).toEqual([]);
    expect(told.at(-1)).toMatchObject({ level: 'warning', event: 'refused', fields: { status } });
  });

  it('answers the same call once, for a day, but again when nobody could be asked', async () => {
    const headers = signed('hub', 'x');
    isAway = true;
    expect((await call('/hooks/hub', 'x', headers))[0]).toBe(503);
    isAway = false;
    expect((await call('/hooks/hub', 'x', headers))[0]).toBe(202);
    expect((await call('/hooks/hub', 'x', headers))[0]).toBe(409);
    await clock.advance(24 * 3_600_000 + 1);
    expect((await call('/hooks/hub', 'x', headers))[0]).toBe(202);
    expect(asked).toHaveLength(2);
  });

  it('answers of the same call twice at once one', async () => {
    const headers = signed('hub', 'x');
    const both = await Promise.all([call('/hooks/hub', 'x', headers), call('/hooks/hub', 'x', headers)]);
    expect(both.map(([status]) => status).sort()).toEqual([202, 409]);
    expect(asked).toHaveLength(1);
  });

  it('limits how often each hook is answered', async () => {
    const statuses: number[] = [];
    for (let at = 0; at < 8; at++) {
      statuses.push((await call('/hooks/hub', `${at}`, signed('hub', `${at}`)))[0]);
    }
    expect(statuses).toEqual([202, 202, 202, 202, 202, 202, 429, 429]);
    expect((await call('/hooks/tea', 'x', signed('tea', 'x')))[0]).toBe(202);
    await clock.advance(10_000);
    expect((await call('/hooks/hub', '6', signed('hub', '6')))[0]).toBe(202);
  });

  it('does not fill the journal for a stranger who floods it', async () => {
    for (let at = 0; at < 40; at++) await call('/hooks/hub');
    expect(told.filter(({ event }) => event === 'refused').length).toBeLessThanOrEqual(31);
  });

  it('ends a connection that speaks no HTTP, and still answers others', async () => {
    const socket = connect(served.port, '127.0.0.1');
    socket.end('\0\x01\x02nonsense\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 /);
    expect((await call('/hooks/hub'))[0]).toBe(401);
  });
});
