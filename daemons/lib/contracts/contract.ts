import type { z } from 'zod';

/** What one side sent is not what the contract calls for. */
export class ContractError extends Error {
  override readonly name = 'ContractError';
  constructor(
    readonly code: 'protocol' | 'argument',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export const doors = ['orchestrator', 'vault', 'disposable'] as const;
export type Door = (typeof doors)[number];

/** The roles that may call. dom0's policy, generated from it, decides by tag: a door hears a qube's name and no tag. */
export const callers = [
  'getter',
  'rebuilder',
  'attester',
  'reporter',
  'uploader',
  'webhook',
  'admin',
] as const;
export type Caller = (typeof callers)[number];

/** In-band error of a reply (DESIGN §3): a closed code and one sentence for people. */
export const replyErrors = [
  'protocol',
  'forbidden',
  'not-found',
  'lost',
  'too-large',
  'busy',
  'paused',
  'disk-full',
  'unavailable',
  'refused',
  'internal',
] as const;
export type ReplyErrorCode = (typeof replyErrors)[number];

/**
 * One qrexec service. Its file in this folder names it, caps it, and parses what arrives:
 * nothing untrusted passes but through `parseRequest` and `parseReply`.
 */
export interface Contract<Argument extends string, Request, Reply> {
  readonly service: string;
  /** The door that answers, and whether as a socket (a daemon) or an executable (a process a call). */
  readonly door: Door;
  readonly kind: 'socket' | 'executable';
  /** Which callers may use which argument; the policy is generated from it. An empty argument is `''`. */
  readonly allowed: Readonly<Record<Argument, readonly Caller[]>>;
  readonly maxRequestObjects: number;
  readonly maxReplyObjects: number;
  /** Bytes of one object, either way. */
  readonly maxObjectBytes: number;
  parseArgument(untrusted: string): Argument;
  parseRequest(untrustedHeader: unknown, argument: Argument): Request;
  parseReply(untrustedHeader: unknown, argument: Argument): Reply;
}

export interface ContractOptions<Argument extends string, Request, Reply> {
  readonly service: string;
  readonly door: Door;
  readonly kind: 'socket' | 'executable';
  readonly allowed: Readonly<Record<Argument, readonly Caller[]>>;
  readonly maxRequestObjects: number;
  readonly maxReplyObjects: number;
  readonly maxObjectBytes: number;
  readonly request: (argument: Argument) => z.ZodType<Request>;
  readonly reply: (argument: Argument) => z.ZodType<Reply>;
}

/** Builds a contract from its schemas; their errors become one `protocol` sentence. */
export function defineContract<Argument extends string, Request, Reply>(
  options: ContractOptions<Argument, Request, Reply>,
): Contract<Argument, Request, Reply> {
  const { request, reply, ...facts } = options;
  return {
    ...facts,
    parseArgument(untrusted) {
      if (!Object.hasOwn(options.allowed, untrusted)) {
        const known = Object.keys(options.allowed).join(', ') || 'none';
        throw new ContractError(
          'argument',
          `${options.service} has no argument ${JSON.stringify(untrusted.slice(0, 60))}: expected one of ${known}`,
        );
      }
      return untrusted as Argument;
    },
    parseRequest: (untrusted, argument) =>
      parseWith(request(argument), untrusted, `${options.service} request`),
    parseReply: (untrusted, argument) => parseWith(reply(argument), untrusted, `${options.service} reply`),
  };
}

/** Runs a schema over foreign data; the first thing wrong is the message. */
export function parseWith<T>(schema: z.ZodType<T>, untrusted: unknown, what: string): T {
  const parsed = schema.safeParse(untrusted);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue?.path.map(String).join('.') || 'it';
  throw new ContractError('protocol', `${what}: ${place}: ${issue?.message ?? 'malformed'}`);
}
