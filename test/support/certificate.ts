import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Certificate = Readonly<{ key: string; cert: string }>;

/** A certificate that vouches for itself, for servers on loopback; PEM, and left in the folder as NAME.key and NAME.crt. */
export function makeCertificate(folder: string, name: string): Certificate {
  const at = (extension: string) => join(folder, `${name}.${extension}`);
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      ...['-keyout', at('key'), '-out', at('crt')],
    ],
    { stdio: 'pipe' },
  );
  return { key: readFileSync(at('key'), 'utf8'), cert: readFileSync(at('crt'), 'utf8') };
}
