import { parseDeb822 } from '../../lib/archive/deb822.ts';
import { ArchiveError } from '../../lib/archive/errors.ts';
import type { Clock } from '../../lib/daemon/clock.ts';
import type { Layout, LayoutKey } from '../../lib/domain/layout.ts';
import { isGpgLayoutKey, partsOf } from '../../lib/domain/layout-key.ts';
import { parseLink } from '../../lib/domain/link.ts';
import {
  isGpgSignature,
  type JsonObject,
  MetablockError,
  maxMetablockBytes,
  parseMetablock,
  signedBytes,
} from '../../lib/domain/metablock.ts';
import { Downloads } from '../../lib/net/download.ts';
import { NetError } from '../../lib/net/errors.ts';
import type { Proxies } from '../../lib/net/proxies.ts';
import { checkSignature } from '../../lib/openpgp/verify.ts';
import type { Context } from '../context.ts';
import { type ClientFinding, clientFinding } from './findings.ts';
import type { Root } from './root.ts';

/** An installed package, as a rebuilder is asked for it. */
type Installed = Readonly<{ name: string; version: string }>;

/** So many installed packages are asked for before a rebuilder is said to know none. */
const maxAsked = 50;
const timeouts = { connectMs: 10_000, answerMs: 20_000, bodyMs: 20_000 };
const maxStatusBytes = 64 * 1_048_576;
const certificates = '/etc/ssl/certs/ca-certificates.crt';
const maxCertificates = 16 * 1_048_576;

/**
 * Asks each rebuilder as apt would, for packages that are installed, until it answers with a link, and judges that one's
 * signature by the layout.
 */
export async function askRebuilders(
  root: Root,
  urls: readonly string[],
  layout: Layout | undefined,
  { clock, env, stop }: Pick<Context, 'clock' | 'env' | 'stop'>,
): Promise<readonly ClientFinding[]> {
  const installed = await installedPackages(root);
  const trusted = await root.read(certificates, maxCertificates);
  const downloads = new Downloads({
    clock,
    timeouts,
    tries: 1,
    proxies: proxiesOf(env),
    certificates: trusted?.content.toString('utf8') ?? null,
  });
  try {
    const found = await Promise.all(
      urls.map((url) => askOne({ downloads, url, installed, layout, clock, stop })),
    );
    return found.filter((one) => one !== undefined);
  } finally {
    await downloads.close();
  }
}

interface Asking {
  readonly downloads: Downloads;
  readonly url: string;
  readonly installed: readonly Installed[];
  readonly layout: Layout | undefined;
  readonly clock: Clock;
  readonly stop: AbortSignal;
}

async function askOne(asking: Asking): Promise<ClientFinding | undefined> {
  const { downloads, url, installed, layout, clock, stop } = asking;
  const paths = installed.map(
    ({ name, version }) => `/sources/${name}/${version.replaceAll(':', '%3A')}/metadata`,
  );
  for (const path of paths.length === 0 ? ['/'] : paths) {
    try {
      const bytes = await downloads.read(`${url}${path}`, { max: maxMetablockBytes, signal: stop });
      if (path === '/' || layout === undefined) return undefined;
      return judgeLink(url, path, bytes, layout, clock.now());
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
      if (error.code !== 'not-found' && error.code !== 'refused') {
        return clientFinding('rebuilder-unreachable', url, error.message);
      }
    }
  }
  // Without a package to ask for, any answer shows that there is a server.
  if (paths.length === 0) return undefined;
  const say = `${url} has a link for none of ${paths.length} installed packages`;
  return clientFinding('rebuilder-knows-nothing', url, say);
}

function judgeLink(
  url: string,
  path: string,
  bytes: Buffer,
  layout: Layout,
  now: number,
): ClientFinding | undefined {
  try {
    const { signatures, untrusted } = parseMetablock(bytes.toString('utf8'));
    const link = parseLink(untrusted);
    const [signature] = signatures;
    const isBelieved = keysOfStep(layout, link.name).some(
      (key) =>
        signature !== undefined &&
        isGpgSignature(signature) &&
        checkSignature(signature, key, signedBytes(link as unknown as JsonObject), now) === 'good',
    );
    if (isBelieved) return undefined;
    const by = signature === undefined ? 'not signed' : `signed by ${signature.keyid}`;
    const say = `${url}${path} is ${by}, and the layout does not vouch for that`;
    return clientFinding('rebuilder-not-in-layout', url, say);
  } catch (error) {
    if (!(error instanceof MetablockError)) throw error;
    return clientFinding('rebuilder-knows-nothing', url, `${url}${path} is no link: ${error.message}`);
  }
}

/** A step names primary keys, or subkeys of them. */
function keysOfStep(layout: Layout, name: string): readonly LayoutKey[] {
  const step = layout.steps.find((one) => one.name === name);
  return Object.values(layout.keys)
    .filter(isGpgLayoutKey)
    .filter((key) => partsOf(key).some(({ keyid }) => step?.pubkeys.includes(keyid)));
}

/** Some of them, from all over the alphabet. */
async function installedPackages(root: Root): Promise<readonly Installed[]> {
  const status = await root.read('/var/lib/dpkg/status', maxStatusBytes);
  if (status === undefined) return [];
  const all: Installed[] = [];
  try {
    for (const stanza of parseDeb822(status.content)) {
      const [name = '', version = ''] = [stanza.get('package'), stanza.get('version')];
      const isPlain = /^[a-z0-9][a-z0-9+.-]+$/.test(name) && /^[0-9A-Za-z.+:~-]+$/.test(version);
      if (isPlain && stanza.get('status')?.endsWith(' installed')) all.push({ name, version });
    }
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
  }
  const step = Math.max(1, all.length / maxAsked);
  return Array.from({ length: Math.min(maxAsked, all.length) }, (_, at) => all[Math.floor(at * step)]).filter(
    (one) => one !== undefined,
  );
}

/** As Python's requests has them, which apt-transport-in-toto asks by. */
function proxiesOf(env: Context['env']): Proxies {
  const proxy = (name: string) => env[name] || env[name.toUpperCase()] || null;
  return {
    http: proxy('http_proxy'),
    https: proxy('https_proxy'),
    hosts: new Map(),
    except: (proxy('no_proxy') ?? '').split(/[\s,]+/).filter((name) => name !== ''),
  };
}
