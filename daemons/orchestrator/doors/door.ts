import type { Duplex } from 'node:stream';
import { control } from '../../lib/contracts/control.ts';
import { fetchObjects } from '../../lib/contracts/fetch.ts';
import { lease } from '../../lib/contracts/lease.ts';
import { query } from '../../lib/contracts/query.ts';
import { renew } from '../../lib/contracts/renew.ts';
import { returnOutcome } from '../../lib/contracts/return.ts';
import { trigger } from '../../lib/contracts/trigger.ts';
import { answer, type ServedCall } from '../../lib/wire/serve.ts';
import { controlDoor } from './controls.ts';
import { fetchDoor } from './fetches.ts';
import { leaseDoor } from './leases.ts';
import type { Office } from './office.ts';
import { queryDoor } from './queries.ts';
import { renewDoor } from './renewals.ts';
import { returnDoor } from './returns.ts';
import { triggerDoor } from './triggers.ts';

/** The orchestrator's door: every service that it answers, by the name in the call. */
export function orchestratorDoor(office: Office): (call: ServedCall, channel: Duplex) => Promise<void> {
  const { clock, log } = office;
  return async ({ service, argument, source }, duplex) => {
    const channel = { input: duplex, output: duplex };
    const options = { clock, log: log.child({ qube: source }) };
    switch (service) {
      case lease.service:
        return await answer(lease, argument, channel, options, (request, queue, _objects, { signal }) =>
          leaseDoor(office, { source, queue, signal, isThere: () => isThere(duplex) }, request),
        );
      case renew.service:
        return await answer(renew, argument, channel, options, (request, queue, objects) =>
          renewDoor(office, source, queue, request, objects),
        );
      case fetchObjects.service:
        return await answer(fetchObjects, argument, channel, options, (request, queue) =>
          fetchDoor(office, source, queue, request),
        );
      case returnOutcome.service:
        return await answer(returnOutcome, argument, channel, options, (request, queue, objects) =>
          returnDoor(office, source, queue, request, objects),
        );
      case trigger.service:
        return await answer(trigger, argument, channel, options, (request, _what, objects) =>
          triggerDoor(office, request, objects),
        );
      case control.service:
        return await answer(control, argument, channel, options, (request, verb) =>
          controlDoor(office, verb, request),
        );
      case query.service:
        return await answer(query, argument, channel, options, (request, view) =>
          queryDoor(office, view, request),
        );
      default:
        throw new Error(`no service ${service} here`);
    }
  };
}

/** A sign of life, sent to learn whether anybody takes it: a caller that is gone shows only when it is written to. */
function isThere(channel: Duplex): Promise<boolean> {
  return new Promise((resolve) => {
    channel.write('\n', (error) => resolve(error == null));
  });
}
