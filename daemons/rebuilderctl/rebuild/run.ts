import { existsSync } from 'node:fs';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResultRow } from '../../lib/contracts/documents/views.ts';
import { readBuildinfos } from '../buildinfo-file.ts';
import type { Context } from '../context.ts';
import { CommandError } from '../errors.ts';
import type { WantedPackage } from '../package-argument.ts';
import { askFor } from '../trigger-call.ts';
import { deliver } from './deliver.ts';
import { followRebuild } from './follow.ts';
import { type RunningLine, startLine } from './line-process.ts';
import { cacheFolder, configText, makeFolder } from './set-up.ts';

export interface RebuildOptions {
  readonly suite: string;
  readonly architecture: string;
  readonly buildinfos: readonly string[];
  readonly mirrors: readonly string[];
  readonly conf?: string;
  readonly output?: string;
  /** Makes the base of the environment for later rebuilds, once the result is told. */
  readonly keepBase: boolean;
  /** Shows the build's log while it runs. */
  readonly log: boolean;
  /** Waits, with the result told, until it is stopped: for a look around. */
  readonly keepRunning: boolean;
}

/** How long a line has to end; with a base to make, which takes two disposables half a minute. */
const stopMs = 15_000;
const baseMs = 900_000;

/** Says the result as soon as it is known. */
export type Tell = (rows: readonly ResultRow[]) => void;

/**
 * Rebuilds one package with no service running: a whole line of roles starts in a folder of its own, is asked for the
 * package as any line would be, and ends with the command. There is no second code path.
 *
 * @throws whatever stops it before each build has its verdict; see {@link followRebuild} and {@link startLine}
 */
export async function rebuildOnce(
  context: Context,
  wanted: WantedPackage,
  options: RebuildOptions,
  tell: Tell,
): Promise<void> {
  if (!existsSync(context.programs.line)) {
    throw new CommandError(
      `${context.programs.line} is missing: rebuild starts a line of roles on this host`,
      'install package-rebuilder-standalone',
    );
  }
  const buildinfos = await readBuildinfos(options.buildinfos);
  const config = configText({ base: options.conf, mirrors: options.mirrors, keepBase: options.keepBase });
  const cache = await cacheFolder(context.env, process.getuid?.() === 0);
  if (options.output !== undefined) await mkdir(options.output, { recursive: true });
  const dir = await makeFolder();
  try {
    await writeFile(join(dir, 'rebuilder.conf'), config);
    const line = await startLine({
      program: context.programs.line,
      dir,
      config: join(dir, 'rebuilder.conf'),
      cache,
      stopMs: options.keepBase ? baseMs : stopMs,
      clock: context.clock,
      stop: context.stop,
    });
    try {
      await askAndFollow(context, line, wanted, { options, buildinfos, tell });
    } finally {
      if (options.keepBase) context.terminal.note('making the base for later rebuilds; Ctrl-C leaves it out');
      await line.stop();
    }
  } catch (error) {
    await keepLogs(dir, options.output);
    throw error;
  } finally {
    await removeFolder(context, dir);
  }
}

interface Request {
  readonly options: RebuildOptions;
  readonly buildinfos: Awaited<ReturnType<typeof readBuildinfos>>;
  readonly tell: Tell;
}

async function askAndFollow(
  context: Context,
  line: RunningLine,
  wanted: WantedPackage,
  { options, buildinfos, tell }: Request,
): Promise<void> {
  const stop = AbortSignal.any([context.stop, line.ended]);
  const within = { ...context, stop, caller: context.callerAt(line.adminSocket) };
  const dists = [`${options.suite}.${options.architecture}`, `${options.suite}.all`];
  const { jobs } = await askFor(within, 'rebuild', { ...wanted, dists }, buildinfos);
  const rows = await followRebuild(within, {
    source: wanted.source,
    feedJob: jobs[0] ?? '',
    ...(options.log ? { log: (bytes: Buffer) => context.terminal.noteRaw(bytes) } : {}),
  });
  try {
    if (options.output !== undefined) await deliver(within, rows, options.output);
  } finally {
    tell(rows);
  }
  if (!options.keepRunning) return;
  context.terminal.note(`running on until Ctrl-C; QREXEC_AGENT_SOCKET=${line.adminSocket} reaches it`);
  await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }));
}

/** The roles' own logs say what the failure's one line cannot. */
async function keepLogs(dir: string, output: string | undefined): Promise<void> {
  if (output === undefined) return;
  await cp(join(dir, 'log'), join(output, 'line-log'), { recursive: true }).catch(() => {});
}

async function removeFolder({ terminal }: Context, dir: string): Promise<void> {
  try {
    await rm(dir, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    terminal.note(`${dir} could not be removed: ${(error as Error).message}`);
  }
}
