import { accessSync, constants, lstatSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** NAME_MAX: a longer descriptor has no file of its own. */
const maxFileName = 255;

export type FoundService =
  | Readonly<{ kind: 'executable'; path: string }>
  | Readonly<{ kind: 'socket'; path: string }>
  | Readonly<{ kind: 'tcp'; host: string; port: number }>
  /** The call ends with 127. */
  | Readonly<{ kind: 'absent' }>
  /** The call ends with 125. */
  | Readonly<{ kind: 'problem'; reason: string }>;

type FoundFile = Readonly<{ path: string; tcp?: string }>;

/** Why a path that exists cannot be used. */
class FindProblem extends Error {
  override readonly name = 'FindProblem';
  readonly code = 'problem';
}

/**
 * Looks a service up as libqrexec/exec.c does (find_qrexec_service): first `name+argument` in every folder of the path,
 * then `name` in every folder. `descriptor` always holds its `+`. A few looks at local files, of which none is worth a turn
 * of the thread pool: each call makes them.
 */
export function findService(descriptor: string, servicePath: string): FoundService {
  const name = descriptor.slice(0, descriptor.indexOf('+'));
  const argument = descriptor.slice(name.length + 1);
  if (name.length > maxFileName) return { kind: 'problem', reason: 'Service name too long to execute' };
  try {
    const found = findFile(servicePath, descriptor) ?? findFile(servicePath, name);
    if (found === undefined) return { kind: 'absent' };
    if (found.tcp !== undefined) return tcpAddress(found.tcp, argument);
    if (statSync(found.path).isSocket()) return { kind: 'socket', path: found.path };
    if (!isExecutable(found.path)) {
      throw new FindProblem(`Unknown service type (not executable, not a socket): ${found.path}`);
    }
    return { kind: 'executable', path: found.path };
  } catch (error) {
    return { kind: 'problem', reason: error instanceof Error ? error.message : String(error) };
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** find_file: a link that leads nowhere counts as absent, any other trouble as a problem. */
export function findFile(searchPath: string, name: string): FoundFile | undefined {
  if (Buffer.byteLength(name) > maxFileName) return undefined;
  for (const folder of searchPath.split(':').filter((part) => part !== '')) {
    const path = join(folder, name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isSymbolicLink()) {
      const text = readlinkSync(path);
      if (text === '/dev/tcp' || text.startsWith('/dev/tcp/')) return { path, tcp: text };
    }
    if (found !== undefined && statSync(path, { throwIfNoEntry: false }) !== undefined) return { path };
  }
  return undefined;
}

/** `/dev/tcp/HOST/PORT`; what the link leaves out comes from the argument. Numeric addresses only. */
function tcpAddress(link: string, argument: string): FoundService {
  const [host, port] = link === '/dev/tcp' ? [] : link.slice('/dev/tcp/'.length).split('/');
  if (host === '') throw new FindProblem('/dev/tcp/ not followed by host');
  if (port !== undefined && argument !== '') {
    throw new FindProblem(`Unexpected argument ${argument} to service ${link}`);
  }
  if (port === undefined && argument === '') {
    throw new FindProblem(`No or empty argument provided, cannot connect to ${link}`);
  }
  if (host !== undefined) return { kind: 'tcp', host, port: parsePort(port ?? argument) };
  const plus = argument.lastIndexOf('+');
  if (plus < 0) throw new FindProblem(`No port provided, cannot connect to ${argument}`);
  const written = argument.slice(0, plus);
  if (written.includes('_')) throw new FindProblem(`Underscore not allowed in hostname ${written}`);
  return { kind: 'tcp', host: written.replaceAll('+', ':'), port: parsePort(argument.slice(plus + 1)) };
}

function parsePort(text: string): number {
  if (!/^[1-9][0-9]{0,4}$/.test(text) || Number(text) > 65_535) {
    throw new FindProblem(`Invalid port number ${text}`);
  }
  return Number(text);
}
