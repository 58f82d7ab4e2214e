import { NetError, withoutCredentials } from './errors.ts';

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

/** @throws NetError `unsupported`: whoever names a proxy of another kind (socks5h) does not want to be seen going directly */
export function proxyFor(url: URL, proxies: Proxies): string | null {
  const proxy = chosenProxy(url, proxies);
  if (proxy === null || /^https?:\/\//i.test(proxy)) return proxy;
  throw new NetError(
    'unsupported',
    url.href,
    `proxy ${withoutCredentials(proxy)}: only http and https are known`,
  );
}

function chosenProxy(url: URL, proxies: Proxies): string | null {
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

/**
 * apt.conf(5), "The http group": a proxy for all, one for a host, `DIRECT`; then the environment.
 *
 * @param options apt's options by their names in lower case
 */
export function configuredProxies(
  options: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string | undefined>>,
): Proxies {
  const hosts = new Map<string, string | null>();
  for (const [name, value] of options) {
    const host = /^acquire::https?::proxy::(.+)$/.exec(name)?.[1];
    if (host !== undefined && value !== '') hosts.set(host, proxyOf(value));
  }
  const http = options.get('acquire::http::proxy') || env.http_proxy;
  const https = options.get('acquire::https::proxy') || env.https_proxy || http;
  return { ...environmentProxies(env), http: proxyOf(http), https: proxyOf(https), hosts };
}

function proxyOf(value = ''): string | null {
  if (value === '' || value === 'DIRECT') return null;
  return value.includes('://') ? value : `http://${value}`;
}
