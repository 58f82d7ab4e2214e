import type { Sha256 } from '../domain/names.ts';
import type { ObjectStore, Usage } from './store.ts';

export interface CollectOptions {
  /** Whether an object must stay; asked once an object. */
  isLive(sha256: Sha256): boolean;
  /** Wall time in ms: objects put or touched later stay. */
  readonly putBefore: number;
  /** Bytes after which it ends; absent: it removes all it may. */
  readonly enough?: number;
  /** Told of what was removed, by and by. */
  onRemoved(removed: readonly Sha256[]): Promise<void>;
}

const toldAtOnce = 500;

/** Removes objects that nobody refers to, those put or touched longest ago first. */
export async function collect(store: ObjectStore, options: CollectOptions): Promise<Usage> {
  const idle: { sha256: Sha256; touched: number }[] = [];
  for await (const found of store.list()) if (!options.isLive(found.sha256)) idle.push(found);
  idle.sort((a, b) => a.touched - b.touched);
  let count = 0;
  let bytes = 0;
  let removed: Sha256[] = [];
  for (const { sha256 } of idle) {
    if (bytes >= (options.enough ?? Number.POSITIVE_INFINITY)) break;
    const size = store.removeOlder(sha256, options.putBefore);
    if (size === undefined) continue;
    count += 1;
    bytes += size;
    removed.push(sha256);
    if (removed.length < toldAtOnce) continue;
    await options.onRemoved(removed);
    removed = [];
  }
  if (removed.length > 0) await options.onRemoved(removed);
  return { count, bytes };
}

export interface TrimOptions {
  /** Wall time in ms. */
  readonly now: number;
  /** Bytes that the store may take. */
  readonly maxBytes: number;
  /** Bytes to remove beyond what is too much, so that it need not be done again soon. */
  readonly slack: number;
}

/** What was used lately is left alone: somebody may be about to send it. */
const restMs = 3_600_000;

/** Brings a store that nothing refers to back to its size; what was used longest ago goes first. */
export async function trim(store: ObjectStore, { now, maxBytes, slack }: TrimOptions): Promise<void> {
  const over = store.usage().bytes - maxBytes;
  if (over <= 0) return;
  await collect(store, {
    isLive: () => false,
    putBefore: now - restMs,
    enough: over + slack,
    onRemoved: async () => {},
  });
}
