import { PolicySyntaxError } from './errors.ts';
import { sortLegacyNames } from './legacy-names.ts';
import { type Policy, type PolicyFile, type PolicyFiles, PolicyReader } from './parse.ts';
import { repr } from './python-text.ts';

/**
 * A policy out of memory: `texts` is the policy itself, or files by name of which `__main__` is it; `legacy` holds what
 * `!compat-4.0` finds. Messages name a file `NAME[in-memory]`, as dom0's parser does for such.
 * @throws PolicySyntaxError
 */
export function parsePolicyText(
  texts: string | Readonly<Record<string, string>>,
  legacy: Readonly<Record<string, string>> = {},
): Policy {
  const files = inMemory(
    new Map(Object.entries(typeof texts === 'string' ? { __main__: texts } : texts)),
    legacy,
  );
  const reader = new PolicyReader();
  reader.read(files.open('__main__', { file: '<unknown>', line: undefined }), files);
  return { rules: reader.rules };
}

function inMemory(texts: ReadonlyMap<string, string>, legacy: Readonly<Record<string, string>>): PolicyFiles {
  return {
    open(path, from): PolicyFile {
      const text = texts.get(path);
      if (text === undefined) {
        throw new PolicySyntaxError(from.file, from.line, `no such policy file: ${repr(path)}`);
      }
      return { name: `${path}[in-memory]`, lines: text.split('\n') };
    },
    openDirectory(path, from) {
      throw new PolicySyntaxError(from.file, from.line, `not a directory: ${path}`);
    },
    legacy: () => ({
      walk: sortLegacyNames(Object.keys(legacy)).map((entry) => ({ ...entry, path: entry.name })),
      files: inMemory(new Map(Object.entries(legacy)), {}),
    }),
  };
}
