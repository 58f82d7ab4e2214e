import { readFile } from 'node:fs/promises';
import { type Layout, parseLayout } from '../lib/domain/layout.ts';
import { MetablockError, parseMetablock, type Signature } from '../lib/domain/metablock.ts';

/** The operator's file, as it is, and what it says. */
export type RootLayout = Readonly<{ content: Buffer; layout: Layout; signatures: readonly Signature[] }>;

/** @throws when it cannot be read, or is no layout that somebody signed */
export async function readRootLayout(file: string): Promise<RootLayout> {
  const content = await readFile(file);
  const { signatures, untrusted } = parseMetablock(content.toString('utf8'));
  const layout = parseLayout(untrusted);
  if (signatures.length === 0) throw new MetablockError('malformed', 'it is not signed');
  return { content, layout, signatures };
}
