import { type ReplyErrorCode, replyErrors } from '../contracts/contract.ts';
import { maxSay } from '../contracts/fields.ts';
import type { ReplyError } from './reply-error.ts';

/** The header of a reply that refuses. */
export function refusalHeader(error: ReplyError): object {
  return { v: 1, ok: false, error: error.code, say: error.say.slice(0, maxSay) };
}

/** Reads a refusal; undefined if the header is none. A code that is not ours counts as `internal`. */
export function parseRefusal(untrustedHeader: unknown): { code: ReplyErrorCode; say: string } | undefined {
  if (typeof untrustedHeader !== 'object' || untrustedHeader === null) return undefined;
  const { ok, error, say } = untrustedHeader as Readonly<Record<string, unknown>>;
  if (ok !== false) return undefined;
  return {
    code: replyErrors.find((code) => code === error) ?? 'internal',
    say: typeof say === 'string' ? say.slice(0, maxSay) : 'no reason given',
  };
}
