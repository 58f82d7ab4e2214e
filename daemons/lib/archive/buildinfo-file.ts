import { type Buildinfo, BuildinfoError, parseBuildinfo } from '../domain/buildinfo.ts';
import { parseStanza } from './deb822.ts';
import { ArchiveError } from './errors.ts';

export const maxBuildinfoBytes = 4 * 1_048_576;
const caps = { bytes: maxBuildinfoBytes, stanzas: 1, fields: 200, fieldBytes: maxBuildinfoBytes };

/**
 * Reads a .buildinfo file. A signature around it is taken off and not judged: signing keys age, and what counts is
 * that its checksums equal the signed index (DESIGN §4).
 *
 * @throws BuildinfoError in one line
 */
export function readBuildinfo(bytes: string | Uint8Array): Buildinfo {
  const text = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('utf8');
  try {
    return parseBuildinfo(parseStanza(withoutSignature(text), caps));
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error;
    throw new BuildinfoError(`buildinfo: ${error.message}`, { cause: error });
  }
}

/** The text of a clearsigned message (RFC 9580, 7), or the whole text if it is none. */
export function withoutSignature(text: string): string {
  const begin = /^-----BEGIN PGP SIGNED MESSAGE-----[ \t]*\r?\n/m.exec(text);
  if (begin === null || text.slice(0, begin.index).trim() !== '') return text;
  const afterHeader = /\r?\n[ \t]*\r?\n/g;
  afterHeader.lastIndex = begin.index + begin[0].length - 1;
  const header = afterHeader.exec(text);
  const signature = text.indexOf('\n-----BEGIN PGP SIGNATURE-----');
  if (header === null || signature < 0) return text;
  const start = header.index + header[0].length;
  return text.slice(start, Math.max(start, signature + 1)).replace(/^- /gm, '');
}
