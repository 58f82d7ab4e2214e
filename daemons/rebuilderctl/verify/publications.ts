import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Clock } from '../../lib/daemon/clock.ts';
import type { PublicationPath } from '../../lib/domain/names.ts';
import type { Downloads, DownloadsOptions } from '../../lib/net/download.ts';
import { NetError, withoutCredentials } from '../../lib/net/errors.ts';
import { environmentProxies } from '../../lib/net/proxies.ts';
import { CommandError } from '../errors.ts';

/** Rebuilders' published trees, on disk or served. */

/** What a publication answered: bytes, that it has no such file, or that it could not be asked. */
export type Answer =
  | Readonly<{ kind: 'found'; bytes: Buffer }>
  | Readonly<{ kind: 'absent' }>
  | Readonly<{ kind: 'unreachable'; say: string }>;

export interface Publication {
  /** As it was named, without credentials. */
  readonly name: string;
  /** A file below the folder that holds `sources/`, of at most `max` bytes. */
  read(path: PublicationPath, max: number, signal: AbortSignal): Promise<Answer>;
}

export interface Publications {
  readonly all: readonly Publication[];
  close(): Promise<void>;
}

/** A person waits: what does not answer twice is away. */
const patience = { tries: 2, timeouts: { connectMs: 10_000, answerMs: 20_000, bodyMs: 20_000 } };

/**
 * Opens what `--publication` names: a folder, or the URL of one as apt's `Rebuilders` has it.
 *
 * @throws CommandError for a URL of another kind
 */
export async function openPublications(
  named: readonly string[],
  clock: Clock,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Publications> {
  const bases = named.map(baseOf);
  // Only who asks a server waits for the client to load.
  const { Downloads } = await import('../../lib/net/download.ts');
  const options: DownloadsOptions = { clock, proxies: environmentProxies(env), ...patience };
  const downloads = new Downloads(options);
  return {
    all: bases.map((base, at) => openOne(withoutCredentials(named[at] ?? ''), base, downloads)),
    close: () => downloads.close(),
  };
}

function baseOf(named: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(named)) return pathToFileURL(resolve(named)).href;
  if (!/^(?:https?|file):\/\//i.test(named) || !URL.canParse(named) || /[?#]/.test(named)) {
    throw new CommandError(
      `--publication ${withoutCredentials(named)}: expected a folder, or an http, https or file URL of one`,
      "It is what apt's Rebuilders names: the folder that holds sources/.",
    );
  }
  return named.replace(/\/+$/, '');
}

function openOne(name: string, base: string, downloads: Downloads): Publication {
  return {
    name,
    async read(path, max, signal) {
      try {
        // As apt's transport spells it: a colon escaped, everything else as it is.
        const url = `${base}/${path.replaceAll('%', '%25').replaceAll(':', '%3A')}`;
        return { kind: 'found', bytes: await downloads.read(url, { max, signal }) };
      } catch (error) {
        if (!(error instanceof NetError)) throw error;
        if (error.code !== 'not-found') return { kind: 'unreachable', say: error.message };
        return (await isTree(base)) ? { kind: 'absent' } : { kind: 'unreachable', say: noTree(name) };
      }
    },
  };
}

/** Whether a local folder is a publication at all; of a server nobody can tell. */
async function isTree(base: string): Promise<boolean> {
  if (!base.startsWith('file:')) return true;
  const found = await stat(fileURLToPath(`${base}/sources`)).catch(() => undefined);
  return found?.isDirectory() === true;
}

function noTree(name: string): string {
  return `${name}: holds no folder sources/: name the folder that does, such as ${name.replace(/\/+$/, '')}/debian`;
}
