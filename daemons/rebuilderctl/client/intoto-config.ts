import { places } from './places.ts';
import { type Settings, whyNoRebuilder } from './settings.ts';

/** Options of apt as `apt-config dump` tells them: a list's members have `::` at the end of their name. */
export type AptItem = Readonly<{ name: string; value: string }>;

/** What apt's configuration comes to for the method, whoever wrote it. */
export type IntotoConfig = Readonly<{
  rebuilders: readonly string[];
  keyids: readonly string[];
  gpgHome: string;
  layout: string;
  noFail: boolean;
  /** Items at which apt-transport-in-toto breaks off, and apt waits for ever. */
  hanging: readonly string[];
}>;

/** The file of apt.conf(5) with these settings, each as the list that apt-transport-in-toto expects. */
export function aptConfOf({ rebuilders, owners, logLevel, noFail }: Settings): string {
  return `// Written by rebuilderctl client install, and taken away by rebuilderctl client remove.
// What other files say of APT::Intoto would be added to this, not replaced:
#clear APT::Intoto;
// Every value stands in a list: at a plain one apt-transport-in-toto breaks off, and apt waits for it.
APT::Intoto {
  Rebuilders {
${rebuilders.map((url) => `    "${url}";`).join('\n')}
  };
  GPGHomedir { "${places.gpgHome}"; };
  Layout { "${places.layout}"; };
  Keyids {
${owners.map((owner) => `    "${owner}";`).join('\n')}
  };
  LogLevel { "${logLevel}"; };
${noFail ? '  NoFail { "true"; };\n' : ''}};
`;
}

/** Reads items as the method reads what apt sends it (apt-transport-in-toto, intoto.py, _intoto_parse_config). */
export function intotoConfigOf(items: readonly AptItem[]): IntotoConfig {
  const lists = new Map<string, string[]>();
  const hanging: string[] = [];
  for (const { name, value } of items) {
    const item = `${name}=${quoted(value)}`;
    if (value === '' || !item.startsWith('APT::Intoto')) continue;
    const [, , key = '', rest, ...more] = item.split('::');
    if (rest === undefined || more.length > 0) hanging.push(item);
    else lists.set(key, [...(lists.get(key) ?? []), rest.replace(/^=+/, '')]);
  }
  const all = (key: string) => lists.get(key) ?? [];
  const last = (key: string) => all(key).at(-1) ?? '';
  return {
    rebuilders: all('Rebuilders').map((url) => url.replace(/\/+$/, '')),
    keyids: all('Keyids'),
    gpgHome: last('GPGHomedir'),
    layout: last('Layout'),
    noFail: all('NoFail').includes('true'),
    hanging,
  };
}

/** As apt quotes a value on its way to a method (apt-pkg/acquire-worker.cc, SendConfiguration; QuoteString). */
function quoted(value: string): string {
  return [...Buffer.from(value)]
    .map((byte) =>
      byte <= 0x20 || byte >= 0x7f || byte === 0x25
        ? `%${byte.toString(16).padStart(2, '0')}`
        : String.fromCharCode(byte),
    )
    .join('');
}

/** Rebuilders that the method could not ask, and why. */
export function badRebuilders({
  rebuilders,
}: IntotoConfig): readonly Readonly<{ url: string; why: string }>[] {
  return rebuilders.flatMap((url) => {
    const why = whyNoRebuilder(url);
    return why === undefined ? [] : [{ url, why }];
  });
}
