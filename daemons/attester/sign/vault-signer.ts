import { JobFailure } from '../../lib/contracts/job-failure.ts';
import { maxSignedDocuments, type SignKind, type SignReply, sign } from '../../lib/contracts/sign.ts';
import type { Clock } from '../../lib/daemon/clock.ts';
import type { Log } from '../../lib/daemon/log.ts';
import { type SignedVerdict, signedVerdicts } from '../../lib/domain/verdict.ts';
import { type Ed25519Public, ed25519KeyId, signatureCheck } from '../../lib/evidence/ed25519.ts';
import { CallError, type Caller } from '../../lib/wire/call.ts';
import { bufferObject } from '../../lib/wire/frame.ts';
import { persist } from '../../lib/worker/transfer.ts';
import { readVaultKey } from '../keys.ts';
import { maxAway } from './vault-away.ts';

/** A document as the vault takes it, and the bytes that its signature covers. */
export type ToSign = Readonly<{ document: Uint8Array; signed: Uint8Array }>;

/** `jobId` is told to the vault's journal. */
export type SigningContext = Readonly<{ log: Log; signal: AbortSignal; jobId: string }>;

export interface VaultSignerOptions {
  readonly caller: Pick<Caller, 'call'>;
  readonly clock: Clock;
}

/** Signs verdicts by `rebuilder.Sign`, with the vault's key of one kind, of which the public half is known here. */
export class VaultSigner {
  readonly keyid: string;
  readonly #check: ReturnType<typeof signatureCheck>;

  constructor(
    readonly kind: SignKind,
    readonly publicKey: Ed25519Public,
    readonly options: VaultSignerOptions,
  ) {
    this.keyid = ed25519KeyId(publicKey);
    this.#check = signatureCheck(publicKey);
  }

  /**
   * A signature for each, 128 hexadecimal digits, checked.
   *
   * @throws JobFailure `signing` when the vault refuses, is away, or signs with another key
   */
  async sign(documents: readonly ToSign[], context: SigningContext): Promise<readonly string[]> {
    const signatures: string[] = [];
    for (let at = 0; at < documents.length; at += maxSignedDocuments) {
      const some = documents.slice(at, at + maxSignedDocuments);
      signatures.push(...(await this.#signSome(some, context)));
    }
    return signatures;
  }

  async #signSome(documents: readonly ToSign[], context: SigningContext): Promise<readonly string[]> {
    const { kind, keyid } = this;
    const reply = await this.#answer(documents, context);
    if (reply.keyid !== keyid) {
      throw new JobFailure(
        'signing',
        `the vault signs ${kind} with the key ${reply.keyid}, not with ${keyid}: bring its public half here again`,
      );
    }
    const isGood = (at: number) =>
      this.#check(documents[at]?.signed ?? new Uint8Array(), reply.signatures[at] ?? '');
    if (reply.signatures.length !== documents.length || !documents.every((_, at) => isGood(at))) {
      throw new JobFailure('signing', `a signature of the vault's by ${keyid} does not match its document`);
    }
    return reply.signatures;
  }

  /** A vault that is busy, or whose daemon is starting, is asked again; whatever else it says ends the job. */
  async #answer(documents: readonly ToSign[], context: SigningContext): Promise<SignReply> {
    let away = 0;
    const failure = (error: CallError) =>
      new JobFailure('signing', `the vault did not sign: ${error.message}`, { cause: error });
    try {
      return await persist({ ...context, clock: this.options.clock }, 'asking the vault', async () => {
        try {
          return await this.#ask(documents, context);
        } catch (error) {
          if (!(error instanceof CallError) || error.code === 'busy') throw error;
          away += 1;
          throw isAway(error) && away < maxAway ? error : failure(error);
        }
      });
    } catch (error) {
      throw error instanceof CallError ? failure(error) : error;
    }
  }

  async #ask(documents: readonly ToSign[], { signal, jobId: job }: SigningContext): Promise<SignReply> {
    const objects = documents.map(({ document }) => bufferObject(document));
    const { reply, done } = await this.options.caller.call(sign, this.kind, { job }, { objects, signal });
    await done();
    return reply;
  }
}

/** Its daemon may be starting again. */
function isAway({ code }: CallError): boolean {
  return code === 'lost' || code === 'unavailable';
}

/**
 * The signers of those verdicts whose public key the operator put into the folder.
 *
 * @throws KeyError
 */
export async function openVaultSigners(
  folder: string,
  options: VaultSignerOptions,
): Promise<Readonly<Partial<Record<SignedVerdict, VaultSigner>>>> {
  const signers: Partial<Record<SignedVerdict, VaultSigner>> = {};
  for (const verdict of signedVerdicts) {
    const key = await readVaultKey(folder, verdict);
    if (key !== undefined) signers[verdict] = new VaultSigner(verdict, key, options);
  }
  return signers;
}
