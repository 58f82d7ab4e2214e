import type { Signature } from '../../lib/domain/metablock.ts';
import type { Fingerprint } from '../../lib/domain/names.ts';
import type { GpgOptions } from '../../lib/openpgp/gpg.ts';
import type { Context } from '../context.ts';

/** Options of every command about layouts. */
export interface Options {
  readonly gpgHome?: string;
  readonly json?: true;
}
/** Those of a command that writes one. */
export interface WriteOptions extends Options {
  readonly ownerKey?: readonly Fingerprint[];
  readonly output?: string;
  readonly force?: true;
}

export function gpgOf(env: Context['env'], { gpgHome }: Options): GpgOptions {
  return { command: env.GNUPG, home: gpgHome };
}

export function signing({ clock, env, stop }: Context, options: WriteOptions) {
  return { owners: options.ownerKey ?? [], gpg: gpgOf(env, options), now: clock.now(), signal: stop };
}

export function fresh({ force, json }: WriteOptions) {
  return { replace: force === true, json: json === true };
}

export function inPlaceOf(file: string, options: WriteOptions, before: readonly Signature[]) {
  const isItself = options.output === undefined || options.output === file;
  return { ...fresh(options), ...(isItself ? { replace: true } : {}), before };
}
