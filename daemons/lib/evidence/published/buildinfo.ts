import { createHash } from 'node:crypto';
import { maxBuildinfoBytes, readBuildinfo } from '../../archive/buildinfo-file.ts';
import type { BuildEvidence } from '../../contracts/documents/build-evidence.ts';
import { BuildinfoError } from '../../domain/buildinfo.ts';
import type { Architecture } from '../../domain/names.ts';
import { publishedNames } from '../../domain/published.ts';
import { besideOf } from './document.ts';
import { EvidenceError } from './errors.ts';
import type { EvidenceOptions, Subject } from './subject.ts';

/**
 * The published buildinfo is the one that the evidence names, of the same build, and has the file's checksum if it names
 * the file. There is none for an inferred environment.
 *
 * @throws EvidenceError `buildinfo-missing`, `buildinfo-replaced`, `buildinfo-other`
 */
export async function checkBuildinfo(
  { build, environment }: BuildEvidence,
  {
    label,
    subject,
    read,
  }: Readonly<{ label: Architecture; subject: Subject; read: EvidenceOptions['read'] }>,
): Promise<void> {
  if (environment.buildinfo === null) return;
  const name = publishedNames.buildinfo(build.source, build.version, label);
  const content = await read(besideOf(subject, name), maxBuildinfoBytes);
  if (content === undefined) throw new EvidenceError('buildinfo-missing', `no ${name}`);
  if (createHash('sha256').update(content).digest('hex') !== environment.buildinfo) {
    throw new EvidenceError('buildinfo-replaced', `${name} is not the one that the evidence names`);
  }
  try {
    const { source, version, files } = readBuildinfo(content);
    const of = `_${subject.architecture}.deb`;
    const same = files.filter(
      ({ name: file }) => file.startsWith(`${subject.package}_`) && file.endsWith(of),
    );
    if (source === build.source && version === build.version) {
      if (same.every(({ sha256 }) => sha256 === subject.sha256)) return;
      throw new EvidenceError('buildinfo-other', `${name} has another checksum of ${subject.package}`);
    }
    throw new EvidenceError('buildinfo-other', `${name} is of ${source} ${version}`);
  } catch (error) {
    if (!(error instanceof BuildinfoError)) throw error;
    throw new EvidenceError('buildinfo-other', error.message, { cause: error });
  }
}
