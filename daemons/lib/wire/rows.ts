import { ContractError } from '../contracts/contract.ts';
import { readJsonLines } from '../contracts/json-lines.ts';
import { type QueryRequests, query, type View } from '../contracts/query.ts';
import type { Caller } from './call.ts';

/** Bytes of one row of a view: a build has at most 4,000 files. */
export const maxRowBytes = 8 * 1_048_576;

export interface RowOptions<T> {
  /** One of `documents/views.ts`, or another document that a view's lines hold. */
  readonly parse: (untrusted: unknown) => T;
  readonly signal?: AbortSignal;
}

type RowRequest<V extends View> = Omit<Partial<QueryRequests[V]>, 'v' | 'cursor'>;

/**
 * Every row of a view of `rebuilder.Query`, page after page; never holds more than one row. Leaving the loop ends the
 * call.
 *
 * @throws CallError, or ContractError for a row that is not one
 */
export async function* queryRows<V extends View, T>(
  caller: Caller,
  view: V,
  request: RowRequest<V>,
  options: RowOptions<T>,
): AsyncGenerator<T, void, undefined> {
  for (let cursor: string | undefined; ; ) {
    const page = new AbortController();
    const signal = options.signal ? AbortSignal.any([page.signal, options.signal]) : page.signal;
    const header = { ...request, ...(cursor === undefined ? {} : { cursor }) };
    const { reply, objects, done } = await caller.call(query, view, header, { signal });
    try {
      for await (const object of objects) {
        yield* readJsonLines(object.bytes, {
          what: `view ${view}`,
          maxLine: maxRowBytes,
          parse: options.parse,
        });
      }
      await done();
    } finally {
      page.abort();
    }
    if (reply.cursor === null) return;
    if (reply.cursor === cursor) {
      throw new ContractError('protocol', `view ${view}: the next page begins where this one did`);
    }
    cursor = reply.cursor;
  }
}

/** The only row of a view such as `status` or `result`. */
export async function queryRow<V extends View, T>(
  caller: Caller,
  view: V,
  request: RowRequest<V>,
  options: RowOptions<T>,
): Promise<T> {
  for await (const row of queryRows(caller, view, request, options)) return row;
  throw new ContractError('protocol', `view ${view}: no row came`);
}
