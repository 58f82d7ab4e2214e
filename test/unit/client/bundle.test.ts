import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { describe, expect, it } from 'vitest';

const checkout = join(import.meta.dirname, '../../..');

/** What Node 18 does not have and 20 does; esbuild changes syntax alone. */
const newer =
  /\.(?:toSorted|toReversed|toSpliced|toWellFormed|isWellFormed|getBuiltinModule|styleText|loadEnvFile|withResolvers|groupBy|fromAsync)\(|AbortSignal\.any|crypto\.hash\(|import\.meta\.(?:dirname|filename)|Symbol\.(?:asyncDispose|dispose)/g;

describe('the bundle of the apt method', () => {
  const { outputFiles, metafile } = buildSync({
    ...JSON.parse(readFileSync(join(checkout, 'tools/client-bundle.json'), 'utf8')),
    absWorkingDir: checkout,
    outfile: 'intoto',
    write: false,
    metafile: true,
  });
  const text = outputFiles?.[0]?.text ?? '';

  it('calls nothing that is newer than Node 18', () => {
    expect('a.toSorted() + AbortSignal.any([])'.match(newer)).toHaveLength(2);
    expect(text).toContain('in-toto refuses');
    expect(text.match(newer)).toBeNull();
  });

  it('needs nothing beside Node itself', () => {
    const imported = Object.values(metafile?.outputs ?? {}).flatMap(({ imports }) => imports);
    expect(imported.length).toBeGreaterThan(5);
    const foreign = imported.map(({ path }) => path.replace(/^node:/, ''));
    expect(foreign.filter((path) => !builtinModules.includes(path))).toEqual([]);
  });
});
