import { readEntries, type SourcesStyle } from './sources.ts';

export interface ConvertOptions {
  /** Whether there is a method `intoto+https`. */
  readonly https: boolean;
  /** Only these archives and what is below them; all when there are none. */
  readonly only: readonly string[];
}

/** A source that stays as it is; `https`: for want of a method, `other`: neither http nor https. */
export type Left = Readonly<{ uri: string; why: 'https' | 'other' }>;
export type Converted = Readonly<{ text: string; from: readonly string[]; left: readonly Left[] }>;

/** Schemes that bring files of this machine: no link is asked for those. */
export const local = /^"?(?:file|copy|cdrom):/i;
const verified = /^"?intoto(?:\+https)?:/i;

/**
 * Has apt read its sources by `intoto://`: not a byte but the schemes of these URIs is changed. Source packages come along:
 * apt takes entries of one archive and suite for one, and reads all of them by the scheme that comes first.
 */
export function convertSources(text: string, style: SourcesStyle, options: ConvertOptions): Converted {
  const uris = readEntries(text, style)
    .flatMap((entry) => entry.uris)
    .filter((uri) => !local.test(uri.text) && !verified.test(uri.text))
    .filter(({ text }) => options.only.length === 0 || isBelow(text, options.only));
  const from: string[] = [];
  const left: Left[] = [];
  let converted = '';
  let at = 0;
  for (const { text: uri, start } of uris) {
    const scheme = /^"?(https?)(?=:\/\/)/i.exec(uri)?.[1];
    if (scheme === undefined) left.push({ uri, why: 'other' });
    else if (scheme.toLowerCase() === 'https' && !options.https) left.push({ uri, why: 'https' });
    else {
      const begin = start + uri.indexOf(scheme);
      converted += text.slice(at, begin) + (scheme.toLowerCase() === 'https' ? 'intoto+https' : 'intoto');
      at = begin + scheme.length;
      from.push(uri);
    }
  }
  return { text: converted + text.slice(at), from, left };
}

/** Whether a source's URI is one of these archives, or below one. */
export function isBelow(text: string, archives: readonly string[]): boolean {
  const uri = `${text.replaceAll('"', '').replace(/\/+$/, '')}/`;
  return archives.some((one) => uri.startsWith(`${one.replace(/\/+$/, '')}/`));
}
