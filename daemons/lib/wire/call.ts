import type { Readable, Writable } from 'node:stream';
import { type Contract, ContractError, type ReplyErrorCode } from '../contracts/contract.ts';
import { type Clock, workIsDone } from '../daemon/clock.ts';
import type { Spawn } from '../daemon/forker.ts';
import type { Log } from '../daemon/log.ts';
import { ProgramError, type SpawnedProgram, shellStatus, spawnProgram } from '../daemon/program.ts';
import { bootSilenceMs, silenceMs, WireError } from './format.ts';
import { Liveness } from './liveness.ts';
import type { IncomingObject, OutgoingObject } from './objects.ts';
import { type IncomingMessage, readMessage } from './read-message.ts';
import { parseRefusal } from './refusal.ts';
import { writeMessage } from './write-message.ts';

/**
 * `refused`: dom0 did not connect the call, for whatever reason (exit 126), or the answerer refused it in band.
 * `unavailable`: nobody answers there now (127, 125). `lost`: the connection, or the other side, is gone.
 * `local`: this qube could not even ask. The others are the answerer's own (`inBand`).
 */
export type CallErrorCode = 'refused' | 'lost' | 'protocol' | 'local' | ReplyErrorCode;

export class CallError extends Error {
  override readonly name = 'CallError';
  constructor(
    readonly code: CallErrorCode,
    message: string,
    /** Whether the answerer said so itself. */
    readonly inBand: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface CallOptions {
  readonly objects?: readonly OutgoingObject[];
  /** `@dispvm` for a service of a disposable, else `@default`. */
  readonly target?: string;
  /** Ends the call; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Allowed before the first sign of life; a disposable has 180 s unless told otherwise. */
  readonly firstSilenceMs?: number;
}

export interface CallReply<Reply> {
  readonly reply: Reply;
  /** In order; reading them throws a `WireError`, which also ends the call. */
  readonly objects: AsyncIterable<IncomingObject>;
  /** Reads what is left, and checks that the reply is whole. Always call it, or abort the signal. */
  done(): Promise<void>;
}

export interface RawCall {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** As a shell shows it: qrexec's own codes are 126, 127, 125, 255 and 1. Rejects if the client cannot be started. */
  readonly exited: Promise<number>;
  kill(): void;
}

/** How a role reaches another qube. */
export interface Caller {
  /** One framed call. Throws a `CallError`; an error of a request object's source is thrown as it is. */
  call<Argument extends string, Request, Reply>(
    contract: Contract<Argument, Request, Reply>,
    argument: Argument,
    request: object,
    options?: CallOptions,
  ): Promise<CallReply<Reply>>;
  /** A service that is not framed. */
  raw(service: string, target: string): RawCall;
}

export interface QrexecOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Starts the client; by this process itself unless told otherwise. */
  readonly spawn?: Spawn;
  /** $QREXEC_CLIENT_VM, else `qrexec-client-vm` on the PATH. */
  readonly program?: string;
}

const maxSaid = 4_096;
/** How long a client may stay after the end of what it had to pass on. */
const exitMs = 10_000;

/** Calls through qrexec-client-vm; this file is its only user. */
export function qrexecCaller(options: QrexecOptions): Caller {
  const program = options.program ?? process.env.QREXEC_CLIENT_VM ?? 'qrexec-client-vm';
  const spawn = options.spawn ?? spawnProgram;
  const start = (target: string, service: string) => startClient(spawn, program, target, service);
  return {
    call: (contract, argument, request, callOptions = {}) => {
      const service = argument === '' ? contract.service : `${contract.service}+${argument}`;
      const target = callOptions.target ?? (contract.door === 'disposable' ? '@dispvm' : '@default');
      options.log.debug('calling', { service, target });
      return new Call(contract, argument, start(target, service), options.clock, callOptions).run(request);
    },
    raw(service, target) {
      const client = start(target, service);
      const exited = client.exited.then(shellStatus);
      exited.catch(() => {}); // Told to whoever waits; nobody may yet.
      return {
        stdin: client.stdin,
        stdout: client.stdout,
        stderr: client.stderr,
        exited,
        kill: () => client.kill('SIGKILL'),
      };
    },
  };
}

function startClient(spawn: Spawn, program: string, target: string, service: string): SpawnedProgram {
  if (!/^[@A-Za-z][A-Za-z0-9_.:@-]{0,62}$/.test(target))
    throw new TypeError(`not a qrexec target: ${target}`);
  const socket = process.env.QREXEC_AGENT_SOCKET;
  return spawn(program, [target, service], {
    env: socket === undefined ? {} : { QREXEC_AGENT_SOCKET: socket },
  });
}

class Call<Argument extends string, Request, Reply> {
  readonly #liveness: Liveness;
  #said = '';
  #sourceError: unknown;
  #written: Promise<void> = Promise.resolve();

  constructor(
    readonly contract: Contract<Argument, Request, Reply>,
    readonly argument: Argument,
    readonly client: SpawnedProgram,
    readonly clock: Clock,
    readonly options: CallOptions,
  ) {
    this.#liveness = new Liveness({
      clock,
      firstSilenceMs: options.firstSilenceMs ?? (contract.door === 'disposable' ? bootSilenceMs : silenceMs),
      onLost: (error) => void client.stdout.destroy(error),
    });
    client.stdin.on('error', () => {});
    client.stderr.on('data', (chunk: Buffer) => {
      if (this.#said.length < maxSaid) this.#said += chunk.toString('latin1');
    });
    client.stderr.on('error', () => {});
    options.signal?.addEventListener('abort', this.#end, { once: true });
    if (options.signal?.aborted) this.#end();
  }

  async run(request: object): Promise<CallReply<Reply>> {
    this.#written = this.#write(request);
    try {
      const message = await readMessage(this.client.stdout, {
        clock: this.clock,
        maxObjects: this.contract.maxReplyObjects,
        maxObjectBytes: this.contract.maxObjectBytes,
        liveness: this.#liveness,
        // A daemon that is killed looks like this and like nothing else: its socket's exit code is always 0.
        endsEarly: this.contract.kind === 'socket' ? 'lost' : 'protocol',
        onFailure: this.#end,
      });
      const reply = this.#parse(message);
      return { reply, objects: message.objects, done: () => this.#done(message) };
    } catch (error) {
      throw await this.#explain(error);
    }
  }

  /** Never rejects: a peer that stops reading still has something to say, a source that fails is kept for later. */
  async #write(request: object): Promise<void> {
    const { stdin, stdout } = this.client;
    try {
      await writeMessage(stdin, { v: 1, ...request }, this.options.objects ?? [], {
        clock: this.clock,
        onProgress: () => this.#liveness.progress(),
      });
      stdin.end();
    } catch (error) {
      stdin.end();
      if (error instanceof WireError && error.code === 'lost') return;
      this.#sourceError = error;
      stdout.destroy(new WireError('lost', 'the request could not be sent'));
    }
  }

  #parse(message: IncomingMessage): Reply {
    const refusal = parseRefusal(message.untrustedHeader);
    if (refusal !== undefined) {
      throw new CallError(refusal.code, `${this.contract.service}: ${refusal.say}`, true);
    }
    return this.contract.parseReply(message.untrustedHeader, this.argument);
  }

  async #done(message: IncomingMessage): Promise<void> {
    try {
      await message.finish();
      await this.#written;
      if (this.#sourceError !== undefined) throw this.#sourceError;
      await this.#exit();
    } catch (error) {
      throw await this.#explain(error);
    } finally {
      this.#release();
    }
  }

  /** The reply is whole: what the client's status says besides does not count. */
  async #exit(): Promise<void> {
    const over = new AbortController();
    this.clock.sleep(exitMs, over.signal).then(this.#end, () => {});
    await this.client.exited.finally(() => over.abort(workIsDone));
  }

  /** What the end of a call that gave no whole reply means, once the client's exit status is known. */
  async #explain(error: unknown): Promise<unknown> {
    const { client, options } = this;
    const endedByItself = client.stdout.readableEnded;
    if (!endedByItself) this.#end();
    const status = await client.exited.then(shellStatus).catch((failure: unknown) => failure);
    this.#release();
    if (options.signal?.aborted) return options.signal.reason;
    if (this.#sourceError !== undefined) return this.#sourceError;
    if (status instanceof ProgramError)
      return new CallError('local', status.message, false, { cause: status });
    if (error instanceof CallError) return error;
    const text = (what: string) => `${this.contract.service}: ${what}`;
    if (error instanceof ContractError)
      return new CallError('protocol', text(error.message), false, { cause: error });
    if (!(error instanceof WireError)) return error;
    if (endedByItself && status !== 0) {
      const meaning = meaningOf(Number(status));
      return new CallError(meaning.code, text(`${meaning.say}${this.#lastWords()}`), false, { cause: error });
    }
    const code = error.code === 'peer-failed' ? 'lost' : error.code;
    return new CallError(code, text(error.message), false, { cause: error });
  }

  #lastWords(): string {
    const words = this.#said.trim().split('\n').at(-1) ?? '';
    return words === '' ? '' : ` (${words})`;
  }

  /** Nobody may come for what is left of an aborted call: nothing of it may stay behind, not even a timer. */
  readonly #end = () => {
    this.#liveness.close();
    this.client.stdout.destroy();
    this.client.stdin.destroy();
    this.client.kill('SIGKILL');
  };

  #release(): void {
    this.#liveness.close();
    this.options.signal?.removeEventListener('abort', this.#end);
  }
}

/** qrexec's exit codes (facts: qrexec, "Exit status"). */
function meaningOf(status: number): { code: CallErrorCode; say: string } {
  if (status === 126) return { code: 'refused', say: 'request refused' };
  if (status === 127)
    return { code: 'unavailable', say: 'no such service there, or its daemon is not up yet' };
  if (status === 125) return { code: 'unavailable', say: 'the service could not be run there' };
  if (status === 255) return { code: 'lost', say: 'the connection was lost' };
  if (status === 1 || status === 2) return { code: 'local', say: 'qrexec-client-vm could not make the call' };
  return { code: 'lost', say: `the service ended with code ${status} and no reply` };
}
