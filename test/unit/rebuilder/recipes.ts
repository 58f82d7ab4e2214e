import { createHash } from 'node:crypto';
import { type DebRecipe, parseRecipe } from '../../../daemons/lib/contracts/documents/recipe.ts';

/** What an input of that name holds. */
export const contentOf = (name: string): Buffer => Buffer.from(`the bytes of ${name}`);
const shaOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

const files = [
  { name: 'hello_1.0.dsc', role: 'source' },
  { name: 'hello_1.0.tar.xz', role: 'source' },
  { name: 'dpkg_1.21_amd64.deb', role: 'dependency', base: true },
  { name: 'gcc_12_amd64.deb', role: 'dependency', base: true },
  { name: 'debhelper_13_all.deb', role: 'dependency', base: false },
] as const;

/** A build of two files with two packages in its base and one beyond it. */
export function helloRecipe(changes: Partial<DebRecipe> = {}): DebRecipe {
  const recipe = parseRecipe({
    v: 1,
    kind: 'deb',
    buildArchitecture: 'amd64',
    source: 'hello',
    sourceVersion: '1.0',
    version: '1.0',
    parts: ['any'],
    dsc: 'hello_1.0.dsc',
    buildPath: '/build/reproducible-path/hello-1.0',
    environment: [['LC_ALL', 'C.UTF-8']],
    binaryOnlyChanges: null,
    environmentKind: 'inferred',
    selfHosted: false,
    expect: ['hello_1.0_amd64.deb', 'hello-doc_1.0_all.deb'],
    dependencies: files.flatMap((file) => {
      const [name, version, rest] = file.name.split('_');
      if (file.role !== 'dependency') return [];
      const architecture = rest?.split('.')[0];
      return [{ package: name, version, architecture, file: file.name, base: file.base }];
    }),
    inputs: files.map(({ name, role }) => {
      const content = contentOf(name);
      return { name, role, sha256: shaOf(content), size: content.length };
    }),
  });
  if (recipe.kind !== 'deb') throw new Error(recipe.kind);
  return { ...recipe, ...changes };
}
