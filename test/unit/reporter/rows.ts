import {
  type PublicationEntry,
  parsePublicationEntry,
} from '../../../daemons/lib/contracts/documents/publication.ts';
import { parseResultRow, type ResultRow } from '../../../daemons/lib/contracts/documents/views.ts';

/** A settled row as the orchestrator would send it, with some members replaced. */
export function resultRow(changes: Record<string, unknown> = {}): ResultRow {
  return parseResultRow({
    build: 'abcdefghijklmnop',
    dist: 'bookworm.amd64',
    source: 'libcap2',
    version: '1:2.66-4+deb12u3+b1',
    sourceVersion: '1:2.66-4+deb12u3',
    parts: ['any'],
    environment: 'inferred',
    selfHosted: false,
    state: 'reproducible',
    verdict: 'reproducible',
    code: null,
    say: '',
    files: [
      {
        name: 'libcap2_2.66-4+deb12u3+b1_amd64.deb',
        package: 'libcap2',
        version: '1:2.66-4+deb12u3+b1',
        architecture: 'amd64',
        officialSha256: 'a'.repeat(64),
        rebuiltSha256: 'a'.repeat(64),
        verdict: 'reproducible',
      },
    ],
    seconds: { get: 1, inputs: 2, environment: 3, build: 4, attest: 5 },
    log: null,
    attestation: null,
    changed: 1_764_000_000_000,
    ...changes,
  });
}

export function entry(path: string): PublicationEntry {
  return parsePublicationEntry({ path, sha256: 'b'.repeat(64), size: 10 });
}
