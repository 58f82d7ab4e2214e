import { type Place, PolicyError } from './errors.ts';
import { strip, words } from './python-text.ts';
import {
  parseRule,
  parseServiceColumns,
  parseServiceRule,
  type Rule,
  type ServiceColumns,
  syntaxError,
} from './rule.ts';

/** A policy, loaded: its rules in the order in which they are tried. */
export interface Policy {
  readonly rules: readonly Rule[];
}

/** A policy file, opened; the name is what messages show. */
export type PolicyFile = Readonly<{ name: string; lines: readonly string[] }>;

/** One file of the old format, which `!compat-4.0` pulls in. */
export type LegacyFile = Readonly<{
  service: string;
  argument: string;
  /** What the denies that it implies are said to come from. */
  name: string;
  path: string;
}>;

/** Where directives find what they name; relative paths have one base, whichever file includes. */
export interface PolicyFiles {
  /** @throws PolicySyntaxError when there is no such file. */
  open(path: string, from: Place): PolicyFile;
  /** @throws PolicySyntaxError when there is no such directory. */
  openDirectory(path: string, from: Place): Iterable<PolicyFile>;
  /** Files of the old format, in the order of their loading, and where their own includes are found. */
  legacy(from: Place): Readonly<{ walk: Iterable<LegacyFile>; files: PolicyFiles }>;
}

export const maxIncludeDepth = 100;
export const maxPolicyLines = 50_000;

/** Collects the rules of several files, directives followed; qubes-core-qrexec, qrexec/policy/parser.py. */
export class PolicyReader {
  readonly rules: Rule[] = [];
  #depth = 0;
  #lines = 0;

  /** @throws PolicyError */
  read(file: PolicyFile, files: PolicyFiles): void {
    this.#each(file, (line, place) => {
      if (line.startsWith('!')) this.#directive(line, place, files);
      else this.rules.push(parseRule(line, place));
    });
  }

  #directive(line: string, place: Place, files: PolicyFiles): void {
    const [directive = '', ...given] = words(line);
    const parameters = (count: number): readonly string[] => {
      if (given.length !== count) throw syntaxError(place, 'invalid number of params');
      return given;
    };
    switch (directive) {
      case '!include': {
        const [path = ''] = parameters(1);
        this.#nested(place, () => this.read(files.open(path, place), files));
        return;
      }
      case '!include-dir': {
        const [path = ''] = parameters(1);
        this.#nested(place, () => {
          for (const file of files.openDirectory(path, place)) this.read(file, files);
        });
        return;
      }
      case '!include-service': {
        const [service = '', argument = '', path = ''] = parameters(3);
        this.#includeService(parseServiceColumns(service, argument, place), path, place, files);
        return;
      }
      case '!compat-4.0':
        parameters(0);
        this.#compat40(place, files);
        return;
      default:
        throw syntaxError(place, 'invalid directive');
    }
  }

  #includeService(columns: ServiceColumns, path: string, place: Place, files: PolicyFiles): void {
    this.#nested(place, () => this.#readService(columns, files.open(path, place), files));
  }

  #readService(columns: ServiceColumns, file: PolicyFile, files: PolicyFiles): void {
    this.#each(file, (original, place) => {
      const line = original.replaceAll('$include:', '!include ').replaceAll('$', '@').replaceAll(',', ' ');
      if (!line.startsWith('!')) {
        this.rules.push(parseServiceRule(columns, line, place));
        return;
      }
      const [directive, path, ...more] = words(line);
      if (directive !== '!include') throw syntaxError(place, 'invalid directive');
      if (path === undefined || more.length > 0) throw syntaxError(place, 'invalid number of params');
      this.#includeService(columns, path, place, files);
    });
  }

  /** After the file of one argument come the denies that the old format implied; after a general one none. */
  #compat40(place: Place, files: PolicyFiles): void {
    const legacy = files.legacy(place);
    for (const { service, argument, name, path } of legacy.walk) {
      const columns = parseServiceColumns(service, argument, place);
      this.#includeService(columns, path, place, legacy.files);
      if (argument === '*') continue;
      for (const implied of ['@anyvm @anyvm deny', '@anyvm @adminvm deny']) {
        this.rules.push(parseServiceRule(columns, implied, { file: name, line: undefined }));
      }
    }
  }

  #nested(place: Place, read: () => void): void {
    if (this.#depth >= maxIncludeDepth) throw syntaxError(place, 'includes are nested too deeply');
    this.#depth += 1;
    read();
    this.#depth -= 1;
  }

  #each(file: PolicyFile, visit: (line: string, place: Place) => void): void {
    for (const [index, text] of file.lines.entries()) {
      this.#lines += 1;
      if (this.#lines > maxPolicyLines) {
        throw new PolicyError('too-large', `the policy has more than ${maxPolicyLines} lines`);
      }
      const line = strip(text);
      if (line !== '' && !line.startsWith('#')) visit(line, { file: file.name, line: index + 1 });
    }
  }
}
