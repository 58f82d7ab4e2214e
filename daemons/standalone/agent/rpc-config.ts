import { readFileSync } from 'node:fs';
import { findFile } from './find-service.ts';

/** MAX_CONFIG_SIZE of libqrexec/qrexec.h, with room for comments. */
const maxConfigBytes = 65_536;

export interface RpcConfig {
  readonly forceUser?: string;
  readonly waitForSession: boolean;
  readonly skipServiceDescriptor: boolean;
  readonly exitOnServiceEof: boolean;
  readonly exitOnClientEof: boolean;
}

/** A configuration that makes every call of its service end with 125. */
export class RpcConfigError extends Error {
  override readonly name = 'RpcConfigError';
  readonly code = 'bad-config';
}

/** The configuration of one service: the file named `name+argument`, else the one named `name`. */
export function loadRpcConfig(descriptor: string, searchPath: string): RpcConfig {
  const name = descriptor.slice(0, descriptor.indexOf('+'));
  const found = findFile(searchPath, descriptor) ?? findFile(searchPath, name);
  return found === undefined
    ? parseRpcConfig('', '')
    : parseRpcConfig(readFileSync(found.path, 'latin1'), found.path);
}

type Value = Readonly<
  { kind: 'boolean'; value: boolean } | { kind: 'integer'; value: number } | { kind: 'string'; value: string }
>;

/** The subset of TOML that libqrexec/toml.c reads; an unknown key is let pass, any other trouble is an error. */
export function parseRpcConfig(text: string, file: string): RpcConfig {
  if (text.length > maxConfigBytes) throw new RpcConfigError(`${file}: too long`);
  const values = new Map<string, Value>();
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/\r$/, '').replace(/[ \t]+$/, '');
    if (line === '' || line.startsWith('#')) continue;
    const fail = (what: string) => new RpcConfigError(`${file}:${index + 1}: ${what}`);
    if (line.startsWith('[')) throw fail('TOML section headers not supported');
    if (/^[ \t]/.test(line)) throw fail('Unexpected whitespace at start of line');
    const [, key, untrusted] = /^([A-Za-z][A-Za-z0-9._-]*)[ \t]*=[ \t]*(.*)$/.exec(line) ?? [];
    if (key === undefined || untrusted === undefined) throw fail("Missing '=' after key");
    if (values.has(key) && knownKeys.has(key)) throw fail(`Key ${key} already seen`);
    const value = parseValue(untrusted);
    if (value === undefined) throw fail(`Unsupported value: ${untrusted}`);
    values.set(key, value);
  }
  return configOf(values, file);
}

function parseValue(untrusted: string): Value | undefined {
  const [, word, quoted] =
    /^(?:(true|false|0|[1-9][0-9]*)|'(?!'')([^']*)')[ \t]*(?:#.*)?$/.exec(untrusted) ?? [];
  if (quoted !== undefined) return { kind: 'string', value: quoted };
  if (word === undefined) return undefined;
  if (word === 'true' || word === 'false') return { kind: 'boolean', value: word === 'true' };
  return { kind: 'integer', value: Number(word) };
}

const knownKeys = new Set([
  'force-user',
  'wait-for-session',
  'skip-service-descriptor',
  'exit-on-service-eof',
  'exit-on-client-eof',
]);

function configOf(values: ReadonlyMap<string, Value>, file: string): RpcConfig {
  const flag = (key: string, zeroOrOne = false): boolean => {
    const found = values.get(key);
    if (found === undefined) return false;
    if (found.kind === 'boolean') return found.value;
    if (zeroOrOne && found.kind === 'integer' && found.value < 2) return found.value === 1;
    throw new RpcConfigError(`${file}: ${key} is not true or false`);
  };
  const forceUser = values.get('force-user');
  if (forceUser !== undefined && forceUser.kind !== 'string') {
    throw new RpcConfigError(`${file}: force-user is not a user name in single quotes`);
  }
  const config: RpcConfig = {
    ...(forceUser === undefined ? {} : { forceUser: forceUser.value }),
    waitForSession: flag('wait-for-session', true),
    skipServiceDescriptor: flag('skip-service-descriptor'),
    exitOnServiceEof: flag('exit-on-service-eof'),
    exitOnClientEof: flag('exit-on-client-eof'),
  };
  const { skipServiceDescriptor, exitOnServiceEof, exitOnClientEof } = config;
  if (forceUser !== undefined && (skipServiceDescriptor || exitOnServiceEof || exitOnClientEof)) {
    throw new RpcConfigError(
      `${file}: Cannot set explicit username with skip-service-descriptor, exit-on-service-eof or exit-on-client-eof`,
    );
  }
  return config;
}
