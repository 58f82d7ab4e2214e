/**
 * `unreachable`: nobody answered, or only with errors of the server's own. `not-found`: the server has no such file.
 * `refused`: it will not give it. `truncated`: it stopped in the middle, again and again. `mismatch`: all of it came,
 * and it is not what was expected.
 */
export type NetErrorCode =
  | 'unreachable'
  | 'not-found'
  | 'refused'
  | 'truncated'
  | 'too-large'
  | 'mismatch'
  | 'unsupported';

/** A file could not be brought. The message names the URI, without its credentials. */
export class NetError extends Error {
  override readonly name = 'NetError';
  constructor(
    readonly code: NetErrorCode,
    readonly uri: string,
    /** The message without the URI. */
    readonly what: string,
    options?: ErrorOptions,
  ) {
    super(`${withoutCredentials(uri)}: ${what}`, options);
  }
}

/** A URI as it may be shown. */
export function withoutCredentials(uri: string): string {
  return uri.replace(/^([a-z0-9+.-]+:\/\/)[^/@]*@/i, '$1');
}

export const connectionCut = 'the connection was cut';

/** What the system says of a connection, in words for people. */
export function connectionReason(error: unknown): string {
  switch ((error as NodeJS.ErrnoException | undefined)?.code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'its host name cannot be resolved';
    case 'ECONNREFUSED':
      return 'the connection was refused';
    case 'ECONNRESET':
    case 'EPIPE':
      return connectionCut;
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
