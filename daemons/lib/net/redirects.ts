import { NetError, withoutCredentials } from './errors.ts';

export const maxRedirects = 5;

/** RFC 9110, 15.4: those that a GET follows. */
export function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/**
 * Where a Location leads; `uri` is what was asked for in the beginning.
 *
 * @throws NetError `refused` if it leaves http and https, or leads from https to http
 */
export function redirected(from: URL, location: string, uri: string): URL {
  const to = resolved(from, location, uri);
  if (to.protocol !== 'http:' && to.protocol !== 'https:') {
    throw new NetError('refused', uri, `redirected to ${withoutCredentials(to.href)}`);
  }
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw new NetError('refused', uri, 'redirected from https to http');
  }
  return to;
}

function resolved(from: URL, location: string, uri: string): URL {
  try {
    return new URL(location, from);
  } catch (cause) {
    throw new NetError('refused', uri, 'redirected to what is no URL', { cause });
  }
}
