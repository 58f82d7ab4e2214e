import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../../lib/daemon/clock.ts';
import type { Log } from '../../lib/daemon/log.ts';
import { serveSocket } from '../../lib/wire/serve.ts';
import { type RelayedCall, relayedCall } from './relayed-call.ts';

/** Calls that may be open at once: of one qube, and of all. Each is a gpg. */
const maxOfOneQube = 32;
const maxConnections = 64;

export interface RelayOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Only the vault's own user gets in. */
  readonly runtime: string;
  /** By the service's name: runs one call, returns its exit status. */
  readonly services: ReadonlyMap<string, (call: RelayedCall) => Promise<number>>;
}

/** Takes the calls that relay.pl brings. */
export async function serveRelay(options: RelayOptions): Promise<{ close(): Promise<void> }> {
  const { clock, log, runtime, services } = options;
  return await serveSocket({
    path: join(runtime, 'relay.sock'),
    clock,
    log,
    maxConnections,
    maxOfOneQube,
    async onCall({ service, source }, channel) {
      const call = relayedCall(channel as Socket, source);
      const run = services.get(service);
      try {
        if (run === undefined) throw new Error(`no service ${service} here`);
        await call.exit(await run(call));
      } catch (error) {
        const say = error instanceof Error ? error.message : String(error);
        log.error('call failed', { service, say, qube: source });
        call.say(`${say}\n`);
        await call.exit(1);
      }
    },
  });
}
