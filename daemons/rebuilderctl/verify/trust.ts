import { maxMetablockBytes } from '../../lib/domain/metablock.ts';
import type { Context } from '../context.ts';
import { CommandError } from '../errors.ts';
import { readNamedKey } from '../layout/keys.ts';
import { readCapped } from '../read-file.ts';
import { VerifyError } from './errors.ts';
import type { Trust } from './judge.ts';

/** Whose rebuilds to believe, as a command names it. */
export interface NamedTrust {
  readonly layout: string;
  readonly ownerKey?: readonly string[];
  readonly gpgHome?: string;
}

/**
 * Reads the layout and its owners' keys.
 *
 * @throws VerifyError `no-owner-key`, `layout-missing`, `owner-key-missing`
 */
export async function readTrust(
  { clock, env, terminal }: Pick<Context, 'clock' | 'env' | 'terminal'>,
  { layout, ownerKey = [], gpgHome }: NamedTrust,
): Promise<Trust> {
  if (ownerKey.length === 0)
    throw new VerifyError('no-owner-key', 'no owner key was named to judge the layout by');
  const text = await or('layout-missing', readCapped(layout, maxMetablockBytes));
  const gpg = { command: env.GNUPG, home: gpgHome };
  const keys = await or(
    'owner-key-missing',
    Promise.all(ownerKey.map((named) => readNamedKey(named, gpg, clock.now()))),
  );
  for (const { key, unusable } of keys) {
    if (unusable !== undefined) terminal.note(`owner key ${key.keyid.toUpperCase()}: ${unusable}`);
  }
  return { layout: text.toString('utf8'), ownerKeys: keys.map(({ key }) => key) };
}

async function or<T>(code: 'layout-missing' | 'owner-key-missing', read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (cause) {
    if (cause instanceof CommandError) throw new VerifyError(code, cause.message, { cause });
    throw cause;
  }
}
