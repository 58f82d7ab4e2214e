import { join } from 'node:path';
import { type Dist, DistError, parseDist } from '../lib/domain/dist.ts';
import { type Style, styles } from './signature.ts';

/** The hooks that this qube answers to, as the operator's file lists them. */

export type Hook = Readonly<{
  /** The last part of its URL. */
  name: string;
  style: Style;
  secret: string;
  /** What is looked at when it is called; undefined: every configured dist. */
  dist: string | undefined;
}>;

/** The file cannot be used: one sentence for people, without a secret. */
export class HooksError extends Error {
  override readonly name = 'HooksError';
  readonly code = 'hooks';
}

/** What writes a line of the file; in the packages and in a checkout it stands beside the daemon's bundle. */
export const adding = `as root in this qube \`node ${join(import.meta.dirname, 'webhook-hooks.js')} add NAME STYLE\``;

export const maxHooksBytes = 65_536;
const maxHooks = 100;
/** Shorter ones can be guessed, by whoever has seen one call. */
const leastSecret = 16;

/**
 * Reads lines of `NAME STYLE SECRET [DIST]`; blank ones and comments (`#`) are passed over.
 *
 * @throws HooksError
 */
export function parseHooks(text: string, file: string): ReadonlyMap<string, Hook> {
  const hooks = new Map<string, Hook>();
  for (const { number, words } of hookLines(text)) {
    const fail = (why: string) => new HooksError(`${file}:${number}: ${why}`);
    const hook = parseHook(words, fail);
    if (hooks.has(hook.name)) throw fail(`the hook ${hook.name} is there twice`);
    hooks.set(hook.name, hook);
    if (hooks.size > maxHooks) throw fail(`more than ${maxHooks} hooks`);
  }
  if (hooks.size === 0) {
    throw new HooksError(`${file}: no hook, expected lines of NAME STYLE SECRET [DIST]; ${adding} makes one`);
  }
  return hooks;
}

/** The words of each line that is a hook's, and its number from 1. */
export function hookLines(text: string): readonly Readonly<{ number: number; words: readonly string[] }>[] {
  return text.split('\n').flatMap((line, at) => {
    const content = line.trim();
    return content === '' || content.startsWith('#') ? [] : [{ number: at + 1, words: content.split(/\s+/) }];
  });
}

function parseHook(words: readonly string[], fail: (why: string) => HooksError): Hook {
  const [name = '', given = '', secret = '', dist, ...more] = words;
  if (more.length > 0 || secret === '')
    throw fail(`found ${words.length} words, expected NAME STYLE SECRET [DIST]`);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name))
    throw fail('expected a name of letters, digits, dots, dashes');
  const style = styles.find((one) => one === given);
  if (style === undefined) throw fail(`found the style ${given}, expected ${styles.join(', ')}`);
  if (secret.length < leastSecret) throw fail(`expected a secret of at least ${leastSecret} characters`);
  return { name, style, secret, dist: dist === undefined ? undefined : checkedDist(dist, fail) };
}

function checkedDist(text: string, fail: (why: string) => HooksError): string {
  try {
    const dist: Dist = parseDist(text);
    return dist.text;
  } catch (error) {
    if (error instanceof DistError) throw fail(error.message);
    throw error;
  }
}
