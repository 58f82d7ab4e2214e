import type { Duplex } from 'node:stream';
import { maxSignedBytes, type SignKind, sign } from '../../lib/contracts/sign.ts';
import type { Clock } from '../../lib/daemon/clock.ts';
import type { Log } from '../../lib/daemon/log.ts';
import type { IncomingObject } from '../../lib/wire/frame.ts';
import { answer, ReplyError, type ServedCall } from '../../lib/wire/serve.ts';
import { CounterError } from './counters.ts';
import { WrongKind } from './judge.ts';
import type { Asked, Signed, Signer } from './signer.ts';

export interface DoorOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly signer: Signer;
}

/** The vault's door: `rebuilder.Sign`. Who may ask for which kind is dom0's to say, before a call arrives here. */
export function vaultDoor({
  clock,
  log,
  signer,
}: DoorOptions): (call: ServedCall, channel: Duplex) => Promise<void> {
  return async ({ service, argument, source }, duplex) => {
    if (service !== sign.service) throw new Error(`no service ${service} here`);
    const channel = { input: duplex, output: duplex };
    const options = { clock, log: log.child({ qube: source, kind: argument }) };
    await answer(sign, argument, channel, options, async ({ objects: count = 0, job }, kind, objects) => {
      if (count === 0) throw new ReplyError('protocol', 'no document: expected each as an object');
      if (!signer.admits(count))
        throw new ReplyError('busy', 'more documents a minute than sign-rate allows');
      return { reply: await signed(signer, await documentsOf(objects), kind, { caller: source, job }) };
    });
  };
}

async function documentsOf(objects: AsyncIterable<IncomingObject>): Promise<readonly Buffer[]> {
  const documents: Buffer[] = [];
  let left = maxSignedBytes;
  for await (const object of objects) {
    const document = await object.buffer(left);
    left -= document.length;
    documents.push(document);
  }
  return documents;
}

async function signed(
  signer: Signer,
  untrusted: readonly Buffer[],
  kind: SignKind,
  asked: Asked,
): Promise<Signed> {
  try {
    return await signer.sign(untrusted, kind, asked);
  } catch (error) {
    if (!(error instanceof WrongKind || error instanceof CounterError)) throw error;
    throw new ReplyError('refused', error.message, { cause: error });
  }
}
