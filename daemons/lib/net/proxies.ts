/** Which proxy a request goes through; absent or null means directly. */
export type Proxies = Readonly<{
  http: string | null;
  https: string | null;
  /** By host name; null means directly whatever the others say. */
  hosts: ReadonlyMap<string, string | null>;
  /** Names as $no_proxy has them: `example.org` and what is below it; `*` is all. */
  except: readonly string[];
}>;

export const noProxies: Proxies = { http: null, https: null, hosts: new Map(), except: [] };

export function proxyFor(url: URL, proxies: Proxies): string | null {
  const named = proxies.hosts.get(url.hostname);
  if (named !== undefined) return named;
  if (proxies.except.some((name) => isBelow(url.hostname, name))) return null;
  return url.protocol === 'https:' ? proxies.https : proxies.http;
}

function isBelow(host: string, name: string): boolean {
  const bare = name.replace(/^\*?\./, '');
  return name === '*' || host === bare || (bare !== '' && host.endsWith(`.${bare}`));
}

/** The variables http_proxy, https_proxy and no_proxy. */
export function environmentProxies(env: Readonly<Record<string, string | undefined>>): Proxies {
  return {
    http: proxyOf(env.http_proxy),
    https: proxyOf(env.https_proxy),
    hosts: new Map(),
    except: (env.no_proxy ?? '').split(/[\s,]+/).filter((name) => name !== ''),
  };
}

/** What a setting names; null for none, and for words such as DIRECT. */
export function proxyOf(value = ''): string | null {
  return /^https?:\/\//i.test(value) ? value : null;
}
