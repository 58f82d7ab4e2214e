import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  maxPublicationLine,
  parsePublicationEntry,
} from '../../../../../daemons/lib/contracts/documents/publication.ts';
import { maxPublicationPath } from '../../../../../daemons/lib/domain/names.ts';
import { publicationPaths, sha256s, sizes } from '../../../../support/contract-values.ts';
import { describeParser } from '../../../../support/parser-laws.ts';

describeParser({
  what: 'a file of the publication',
  parse: parsePublicationEntry,
  valid: fc.record({ path: publicationPaths, sha256: sha256s, size: sizes }),
});

describe('the longest entry', () => {
  it('fits into a line', () => {
    const path = `${'x/'.repeat(maxPublicationPath / 2 - 1)}xx`;
    const entry = parsePublicationEntry({ path, sha256: 'f'.repeat(64), size: 2 ** 40 });
    expect(JSON.stringify(entry).length).toBeLessThan(maxPublicationLine);
  });
});
