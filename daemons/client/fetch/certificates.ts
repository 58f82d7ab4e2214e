import { existsSync, readFileSync } from 'node:fs';

/** What Debian's own programs believe; Node has a list of its own, without what an administrator added. */
const systemCertificates = '/etc/ssl/certs/ca-certificates.crt';

/** The certificates of a file, or of the system, PEM; undefined where there are none. */
export function readCertificates(file: string | undefined): string | undefined {
  if (file !== undefined) return readFileSync(file, 'utf8');
  return existsSync(systemCertificates) ? readFileSync(systemCertificates, 'utf8') : undefined;
}
