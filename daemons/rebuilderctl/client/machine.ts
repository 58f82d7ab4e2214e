import { type ClientFinding, clientFinding } from './findings.ts';
import { places } from './places.ts';
import type { Root } from './root.ts';

/** What of a verifier's machine decides what apt can do. */
export type Machine = Readonly<{
  /** Whose method `intoto` is installed. Ours speaks https to archives, too. */
  method: 'none' | 'apt-transport-in-toto' | 'package-rebuilder-client';
  /** The Debian package that brings a method which works there. */
  wants: 'apt-transport-in-toto' | 'package-rebuilder-client';
  hasGpg: boolean;
}>;

/** Debian 12 is the last release with apt-transport-in-toto, and with the Python libraries that it imports. */
const lastRelease = 12;
const maxOsRelease = 65_536;

export async function lookAt(root: Root): Promise<Machine> {
  const [plain, https, hasGpg, release] = await Promise.all([
    root.has(`${places.methods}/intoto`),
    root.has(`${places.methods}/intoto+https`),
    root.has('/usr/bin/gpg'),
    releaseOf(root),
  ]);
  const wants = release <= lastRelease ? 'apt-transport-in-toto' : 'package-rebuilder-client';
  const method = https ? 'package-rebuilder-client' : plain ? 'apt-transport-in-toto' : 'none';
  return { method, wants, hasGpg };
}

/** Whether sources may have scheme `intoto+https`. */
export function canHttps({ method, wants }: Machine): boolean {
  return (method === 'none' ? wants : method) === 'package-rebuilder-client';
}

/** What keeps the apt method from running at all. */
export function methodFindings({ method, wants, hasGpg }: Machine): readonly ClientFinding[] {
  if (method === 'none') {
    return [clientFinding('method-missing', wants, `there is no ${places.methods}/intoto`)];
  }
  if (method === 'package-rebuilder-client') return [];
  const outdated =
    wants === method
      ? []
      : [
          clientFinding(
            'method-outdated',
            method,
            `${method} is installed, and this is no Debian 12 or older`,
          ),
        ];
  const gpg = hasGpg ? [] : [clientFinding('gpg-missing', 'gnupg', 'gpg is not installed')];
  return [...outdated, ...gpg];
}

/** os-release(5): testing and unstable have no VERSION_ID. */
async function releaseOf(root: Root): Promise<number> {
  const file =
    (await root.read('/etc/os-release', maxOsRelease)) ??
    (await root.read('/usr/lib/os-release', maxOsRelease));
  const version = /^VERSION_ID="?(\d{1,4})"?$/m.exec(file?.content.toString('utf8') ?? '')?.[1];
  return version === undefined ? Number.POSITIVE_INFINITY : Number(version);
}
