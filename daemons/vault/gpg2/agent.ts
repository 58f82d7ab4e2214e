import { mkdir, rm, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { run } from '../../lib/daemon/program.ts';
import { readLines } from './lines.ts';

/** gpg-agent on the vault's own key ring of signing subkeys, spoken to in Assuan (libassuan, "Assuan Protocol"). */

const timeoutMs = 60_000;

export interface AgentSockets {
  /** gpg's home with the keys of the agent. */
  readonly home: string;
  /** What gpg-agent lets others do who may use keys and no more (`agent-extra-socket`). */
  readonly restricted: string;
  /** Everything; only asked which keys there are. */
  readonly full: string;
}

/**
 * Starts the agent on a copy of `home` that holds its secret subkeys alone, as split-gpg2 does by default: the primary key,
 * which certifies, cannot be used from another qube.
 */
export async function startAgent(home: string): Promise<AgentSockets> {
  const subkeys = join(home, 'qubes-auto-keyring');
  if (!(await isNewer(subkeys, home))) await copySubkeys(home, subkeys);
  await run('gpgconf', ['--homedir', subkeys, '--launch', 'gpg-agent'], { timeoutMs });
  const { stdout } = await run('gpgconf', ['--homedir', subkeys, '--list-dirs'], { timeoutMs });
  const folders = new Map(
    stdout
      .toString('utf8')
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
  const [restricted, full] = ['agent-extra-socket', 'agent-socket'].map((name) => folders.get(name));
  if (restricted === undefined || full === undefined)
    throw new Error('gpgconf names no sockets of gpg-agent');
  return { restricted: decodeURIComponent(restricted), full: decodeURIComponent(full), home: subkeys };
}

/**
 * The keygrips of what gpg lists as secret keys in the agent's home, primary keys that are only named there included
 * (splitgpg2/__init__.py, `update_keygrip_map`).
 */
export async function listKeygrips(home: string): Promise<ReadonlySet<string>> {
  const args = ['--homedir', home, '--batch', '--no-tty', '--list-secret-keys', '--with-colons'];
  const { stdout } = await run('gpg', args, { timeoutMs });
  const lines = stdout.toString('utf8').matchAll(/^grp:(?:[^:\n]*:){8}([0-9A-F]{40}):/gm);
  return new Set([...lines].map(([, keygrip = '']) => keygrip));
}

async function isNewer(copy: string, original: string): Promise<boolean> {
  const [made, changed] = await Promise.all(
    [copy, original].map((path) => stat(path).catch(() => undefined)),
  );
  return made !== undefined && changed !== undefined && made.mtimeMs >= changed.mtimeMs;
}

async function copySubkeys(from: string, to: string): Promise<void> {
  const common = ['--no-armor', '--batch', '--no-tty', '--disable-dirmngr'];
  const options = { timeoutMs, env: {} };
  const { stdout } = await run('gpg', [...common, '--homedir', from, '--export-secret-subkeys'], options);
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { recursive: true, mode: 0o700 });
  await run('gpg', [...common, '--homedir', to, '--import'], { ...options, input: stdout });
}

/** One connection: a line is asked, its data and status lines come back, and last `OK` or `ERR`. */
export class AgentLink {
  readonly #socket: Socket;
  readonly #lines: AsyncIterator<string>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#lines = readLines(socket)[Symbol.asyncIterator]();
  }

  /** Connects, and gives the agent's greeting with it. */
  static async open(path: string): Promise<{ link: AgentLink; greeting: string }> {
    const socket = connect(path);
    socket.on('error', () => {});
    const link = new AgentLink(socket);
    const [greeting = ''] = await link.#reply();
    if (!/^OK(?: |$)/.test(greeting)) throw new Error('gpg-agent did not greet');
    return { link, greeting };
  }

  async ask(line: string): Promise<readonly string[]> {
    this.#socket.write(`${line}\n`, 'latin1');
    return await this.#reply();
  }

  close(): void {
    this.#socket.destroy();
  }

  async #reply(): Promise<readonly string[]> {
    const lines: string[] = [];
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error('gpg-agent closed the connection');
      if (value.startsWith('#')) continue;
      lines.push(value);
      if (/^(?:OK|ERR)(?: |$)/.test(value)) return lines;
      if (!/^[DS] /.test(value))
        throw new Error(`gpg-agent asks what nobody here answers: ${value.slice(0, 40)}`);
    }
  }
}
