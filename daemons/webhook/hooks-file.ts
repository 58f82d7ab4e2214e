import { open } from 'node:fs/promises';
import { adding, type Hook, HooksError, maxHooksBytes, parseHooks } from './hooks.ts';

/** Who else may read it could call in the forge's place. */
const othersMode = 0o077;

/**
 * The hooks of the operator's file, which its owner alone may read.
 *
 * @throws HooksError
 */
export async function readHooks(path: string | undefined): Promise<ReadonlyMap<string, Hook>> {
  if (path === undefined) {
    throw new HooksError('webhook-hooks is not set: expected the path of a file of NAME STYLE SECRET [DIST]');
  }
  return parseHooks(await readPrivate(path), path);
}

/** @throws HooksError where it is not there, is too large, or others may read it */
export async function readPrivate(path: string): Promise<string> {
  const file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    const what = cause.code === 'ENOENT' ? missing(path) : cause.code === 'EACCES' ? foreign(path) : '';
    throw new HooksError(`${path}: cannot be read (${cause.code ?? cause.message})${what}`, { cause });
  });
  try {
    const { mode, size } = await file.stat();
    if ((mode & othersMode) !== 0)
      throw new HooksError(`${path}: others may read its secrets; chmod 600 ${path}`);
    if (size > maxHooksBytes) throw new HooksError(`${path}: larger than ${maxHooksBytes} bytes`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** Whose it is decides who may read it, so nothing but a person makes it here. */
function missing(path: string): string {
  return `: \`install -m 600 -o rebuilder-webhook -g rebuilder-webhook /dev/null ${path}\`, then ${adding}`;
}

function foreign(path: string): string {
  return `: \`chown rebuilder-webhook: ${path}\``;
}
