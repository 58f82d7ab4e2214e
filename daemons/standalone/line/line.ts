import { rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type DaemonRole, isDaemonRole } from '../../lib/domain/roles.ts';
import { type LineCgroups, makeLineCgroups, removeCgroups } from './cgroups.ts';
import { type AgentPlan, agentConfigsOf, hasSandboxes } from './doors.ts';
import { type Folders, foldersOf, makeFolders, makeHostFolders, makeRuntimeFolder } from './folders.ts';
import { findHosts, type JoinedHost } from './hosts.ts';
import { clearLeftovers, endStrays, markOf, removeRecord, writeRecord } from './leftovers.ts';
import type { Member } from './member.ts';
import { type NotifySockets, openNotifySockets } from './notify-socket.ts';
import { LineError, type LineOptions } from './options.ts';
import type { LineParts } from './parts.ts';
import { qubesOf } from './qubes.ts';
import { Restarts, restartDelayMs } from './restarts.ts';
import { answersCalls, qubeRoles } from './roles.ts';
import { layOutServices } from './services.ts';
import { Starter } from './starter.ts';
import { findOwners, type Owners } from './users.ts';
import { bringSignKeys, makeVaultKey, type VaultKey } from './vault-key.ts';
import { Watchdog } from './watchdog.ts';

/** A ready line has this long to start. */
const readyTimeoutMs = 60_000;

export interface Line {
  /** Where rebuilderctl calls from. */
  readonly adminSocket: string;
  readonly vaultKey: VaultKey | undefined;
  /** Rejects when a door or the broker ends, or a role that keeps dying, or the line is told to stop. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

/** Starts broker, agents and roles, each a process and, under root, a user of its own; resolves when all are ready. */
export async function startLine(options: LineOptions, parts: LineParts): Promise<Line> {
  const owners = await findOwners(parts.me, qubeRoles);
  const folders = foldersOf(options.folder, options.cache);
  await clearLeftovers(folders.root, parts.clock);
  makeFolders(folders, options.cache, qubeRoles, owners);
  const { uplink } = options;
  layOutServices(
    join(parts.qrexec, 'services'),
    folders,
    uplink === undefined ? undefined : join(parts.lib, 'uplink'),
  );
  const cgroups = makeLineCgroups(`package-rebuilder-${process.pid}`, owners.disposable);
  const running = new Running(options, parts, folders, owners, cgroups);
  try {
    return await running.start();
  } catch (error) {
    await running.stop();
    throw error;
  }
}

class Running {
  readonly #restarts = new Restarts();
  readonly #watchdog: Watchdog;
  #members: readonly Member[] = [];
  #isReady = false;
  #notify: NotifySockets | undefined;
  #stopped: Promise<void> | undefined;
  #fail: (reason: LineError) => void = () => {};
  readonly #failed: Promise<never>;

  constructor(
    readonly options: LineOptions,
    readonly parts: LineParts,
    readonly folders: Folders,
    readonly owners: Owners,
    readonly cgroups: LineCgroups,
  ) {
    this.#failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.#failed.catch(() => {});
    this.#watchdog = new Watchdog(parts.clock, options.watchdogMs, (name) => this.#endHanging(name));
    const onStop = () => this.#fail(new LineError('stopped', 'told to stop'));
    if (parts.stop.aborted) onStop();
    else parts.stop.addEventListener('abort', onStop, { once: true });
  }

  async start(): Promise<Line> {
    const { folders, owners, options, parts } = this;
    const { roles } = options;
    const agents = agentConfigsOf(folders, owners, {
      ...parts,
      ...options.disposable,
      cgroups: this.cgroups.folders,
      uplink: options.uplink,
    });
    const members = {
      broker: owners.broker,
      ...Object.fromEntries(agents.map(({ name, owner }) => [name, owner])),
      ...Object.fromEntries(roles.map((role) => [role, owners.of(role)])),
    };
    const notify = await openNotifySockets(folders.notify, members, (name) => this.#watchdog.feed(name));
    this.#notify = notify;
    const starter = new Starter({ options, parts, folders, owners, notify });
    const vaultKeys = Promise.all([
      this.#makeKey(),
      roles.includes('vault') ? this.#bringSignKeys() : undefined,
    ]);
    const broker = starter.broker(await this.#findHosts());
    parts.onReload(() => void this.#reload(starter, broker));
    const doors = [this.#watch(broker), ...agents.map((agent) => this.#startAgent(starter, agent))];
    const [key] = await Promise.race([vaultKeys, this.#failed]);
    // The others' first calls come when the doors, and the daemons behind them, answer.
    const start = (role: DaemonRole) => this.#startRole(starter, role, key);
    const first = roles.filter(answersCalls).map(start);
    await this.#allReady([...doors, ...first]);
    const others = roles.filter((role) => !answersCalls(role)).map(start);
    await this.#allReady(others);
    this.#isReady = true;
    return {
      adminSocket: folders.caller('admin'),
      vaultKey: key,
      failed: this.#failed,
      stop: () => this.stop(),
    };
  }

  /** Workers first, so that they can hand back what they hold; then what they hand it to; then what joins them. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  async #stopAll(): Promise<void> {
    this.#watchdog.close();
    const turns = [
      this.#members.filter(({ name }) => isDaemonRole(name) && !answersCalls(name)),
      this.#members.filter(({ name }) => isDaemonRole(name) && answersCalls(name)),
      this.#members.filter(({ name }) => !isDaemonRole(name)),
    ];
    for (const turn of turns) {
      await Promise.all(
        turn.map((member) => member.stop(this.parts.clock, this.options.graceMs, this.parts.atOnce)),
      );
    }
    this.#notify?.close();
    endStrays(this.folders.root);
    for (const { path } of this.cgroups.folders) removeCgroups(path);
    for (const name of ['qubes', 'agents', 'notify']) {
      rmSync(join(this.folders.root, name), { recursive: true, force: true });
    }
    removeRecord(this.folders.root);
  }

  /** Only root can give each host's user a socket of its own. */
  async #findHosts(): Promise<readonly JoinedHost[]> {
    const { folders, options, owners, parts } = this;
    if (!owners.separate) return [];
    const hosts = await findHosts(
      options.hosts,
      qubesOf(qubeRoles).map(({ name }) => name),
      parts.log,
    );
    makeHostFolders(folders, hosts, owners);
    return hosts;
  }

  /** Calls that are open go on; those of a host that is gone end. */
  async #reload(starter: Starter, broker: Member): Promise<void> {
    const { log } = this.parts;
    try {
      const hosts = await this.#findHosts();
      starter.writeBrokerConfig(hosts);
      process.kill(broker.pid, 'SIGHUP');
      log.notice('looked again at which hosts have joined', {
        hosts: hosts.map(({ name }) => name).join(','),
      });
    } catch (error) {
      log.error('the joined hosts cannot be read again', { say: String(error) });
    }
  }

  async #makeKey(): Promise<VaultKey | undefined> {
    const { makeKey } = this.options;
    if (makeKey === undefined) return undefined;
    return await makeVaultKey(makeKey, this.folders, this.owners, this.#vaultKeysProgram());
  }

  /** Without the vault's daemon nobody would answer `rebuilder.Sign`. */
  async #bringSignKeys(): Promise<void> {
    await bringSignKeys(this.folders, this.owners, this.#vaultKeysProgram());
  }

  #vaultKeysProgram(): readonly string[] {
    return [this.parts.node, join(this.parts.lib, 'rebuilder-keys.js')];
  }

  #startAgent(starter: Starter, plan: AgentPlan): string {
    const member = starter.agent(plan);
    const name = this.#watch(member);
    if (hasSandboxes(plan.config) && member.pid > 0) this.cgroups.adopt(member.pid);
    return name;
  }

  #startRole(starter: Starter, role: DaemonRole, key: VaultKey | undefined): string {
    return this.#watch(starter.role(role, key), (how) => void this.#startAgain(starter, role, key, how));
  }

  /** As systemd restarts a role's unit: what it held is lent again, and nothing else of the line need end. */
  async #startAgain(
    starter: Starter,
    role: DaemonRole,
    key: VaultKey | undefined,
    how: string,
  ): Promise<void> {
    const { clock, log } = this.parts;
    if (!this.#isReady || !this.#restarts.allows(role, clock.monotonic())) {
      this.#fail(new LineError('died', how));
      return;
    }
    log.warning('starting a role again', { role, say: how });
    await clock.sleep(restartDelayMs);
    if (this.#stopped !== undefined) return;
    makeRuntimeFolder(this.folders, role, this.owners.of(role));
    this.#startRole(starter, role, key);
  }

  /** Its end is then as any other: a role starts again, and without the broker or a door the line ends. */
  #endHanging(name: string): void {
    const member = this.#members.find((one) => one.name === name);
    if (member === undefined || this.#stopped !== undefined) return;
    this.parts.log.warning('kills a member that hangs', { member: name });
    process.kill(member.pid, 'SIGKILL');
  }

  /** Its end, unless the line was told to stop, is `onEnd`'s business; without one the line then ends, too. */
  #watch(member: Member, onEnd?: (how: string) => void): string {
    this.#members = [...this.#members.filter(({ name }) => name !== member.name), member];
    void member.ended.then((how) => {
      this.#watchdog.forget(member.name);
      if (this.#stopped !== undefined) return;
      if (onEnd === undefined) this.#fail(new LineError('died', how));
      else onEnd(how);
    });
    writeRecord(this.folders.root, {
      line: markOf(process.pid),
      members: this.#members.map(({ pid }) => markOf(pid)),
      cgroups: this.cgroups.folders.map(({ path }) => path),
    });
    return member.name;
  }

  async #allReady(names: readonly string[]): Promise<void> {
    const over = new AbortController();
    const late = this.parts.clock.sleep(readyTimeoutMs, over.signal).then(() => {
      throw new LineError(
        'slow',
        `${names.join(', ')} not ready after ${readyTimeoutMs / 1_000} s: see ${basename(this.folders.logs)}/`,
      );
    });
    late.catch(() => {});
    try {
      await Promise.race([Promise.all(names.map((name) => this.#notify?.ready(name))), this.#failed, late]);
    } finally {
      over.abort();
    }
  }
}
