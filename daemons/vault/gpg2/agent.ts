import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { run } from '../../lib/daemon/program.ts';
import { readIfThere } from '../../lib/objects/durable-file.ts';
import { readLines } from './lines.ts';

/** gpg-agent on the vault's own key ring of signing subkeys, spoken to in Assuan (libassuan, "Assuan Protocol"). */

const timeoutMs = 60_000;

/** `restricted`: what gpg-agent lets others do who may use keys and no more; `full`: everything. */
type AgentSockets = Readonly<{ restricted: string; full: string }>;

/** The agent went away in the middle of a call: it ended, or keys were copied again. Who calls again finds it. */
export class AgentGone extends Error {
  override readonly name = 'AgentGone';
  readonly code = 'gone';
}

export interface OpenedLink {
  readonly link: AgentLink;
  readonly greeting: string;
}

/**
 * The agent on a copy of `home` that holds its secret subkeys alone, as split-gpg2 has it by default: the primary key, which
 * certifies, cannot be used from another qube. It is started when it is needed, and again when it ended or a key was added.
 */
export class Agent {
  readonly #home: string;
  #running: AgentSockets | undefined;
  #looking: Promise<AgentSockets> | undefined;

  constructor(home: string) {
    this.#home = home;
  }

  async open(which: keyof AgentSockets): Promise<OpenedLink> {
    try {
      return await AgentLink.open((await this.#sockets())[which]);
    } catch {
      this.#running = undefined;
      return await AgentLink.open((await this.#sockets())[which]);
    }
  }

  /**
   * The keygrips of what gpg lists as secret keys in the agent's home, primary keys that are only named there included
   * (splitgpg2/__init__.py, `update_keygrip_map`).
   */
  async keygrips(): Promise<ReadonlySet<string>> {
    await this.#sockets();
    const home = copyOf(this.#home);
    const args = ['--homedir', home, '--batch', '--no-tty', '--list-secret-keys', '--with-colons'];
    const { stdout } = await run('gpg', args, { timeoutMs });
    const lines = stdout.toString('utf8').matchAll(/^grp:(?:[^:\n]*:){8}([0-9A-F]{40}):/gm);
    return new Set([...lines].map(([, keygrip = '']) => keygrip));
  }

  /** Those who come at once start it once. */
  #sockets(): Promise<AgentSockets> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<AgentSockets> {
    if (this.#running !== undefined && (await isCopied(this.#home, copyOf(this.#home)))) return this.#running;
    this.#running = await startAgent(this.#home);
    return this.#running;
  }
}

function copyOf(home: string): string {
  return join(home, 'qubes-auto-keyring');
}

async function startAgent(home: string): Promise<AgentSockets> {
  const subkeys = copyOf(home);
  await mkdir(home, { recursive: true, mode: 0o700 });
  if (!(await isCopied(home, subkeys))) await copySubkeys(home, subkeys);
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
  return { restricted: decodeURIComponent(restricted), full: decodeURIComponent(full) };
}

/** Made once a copy is whole, and says of which keys it is: a vault may be killed while it copies. */
const copied = 'copied';

/** What gpg writes when keys come, change or go; it touches the folder itself, which split-gpg2 goes by, at every use. */
const publicFiles = ['pubring.kbx', 'pubring.gpg', 'public-keys.d/pubring.db'];
const privateFolder = 'private-keys-v1.d';

async function isCopied(from: string, to: string): Promise<boolean> {
  const [made, now] = await Promise.all([readIfThere(join(to, copied)), keysOf(from)]);
  return made === now;
}

/** Tells the keys of a home from those that it had before. */
async function keysOf(home: string): Promise<string> {
  const names = await readdir(join(home, privateFolder)).catch((): string[] => []);
  const files = [...publicFiles, privateFolder, ...names.sort().map((name) => join(privateFolder, name))];
  const states = files.map(async (name) => {
    const found = await stat(join(home, name), { bigint: true }).catch(() => undefined);
    return `${name} ${found?.mtimeNs ?? 'none'}\n`;
  });
  return (await Promise.all(states)).join('');
}

async function copySubkeys(from: string, to: string): Promise<void> {
  const common = ['--no-armor', '--batch', '--no-tty', '--disable-dirmngr'];
  const options = { timeoutMs, env: {} };
  // An agent whose folder vanishes ends at a moment of its own, maybe with the keys that it was just given.
  if (existsSync(to)) await run('gpgconf', ['--homedir', to, '--kill', 'gpg-agent'], { timeoutMs });
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { recursive: true, mode: 0o700 });
  const keys = await keysOf(from);
  const { stdout } = await run('gpg', [...common, '--homedir', from, '--export-secret-subkeys'], options);
  await run('gpg', [...common, '--homedir', to, '--import'], { ...options, input: stdout });
  await writeFile(join(to, copied), keys);
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
  static async open(path: string): Promise<OpenedLink> {
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
      const { value, done } = await this.#lines.next().catch((cause: Error) => {
        throw new AgentGone(`gpg-agent went away: ${cause.message}`, { cause });
      });
      if (done) throw new AgentGone('gpg-agent closed the connection');
      if (value.startsWith('#')) continue;
      lines.push(value);
      if (/^(?:OK|ERR)(?: |$)/.test(value)) return lines;
      if (!/^[DS] /.test(value))
        throw new Error(`gpg-agent asks what nobody here answers: ${value.slice(0, 40)}`);
    }
  }
}
