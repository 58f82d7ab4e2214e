import type { Clock } from '../../lib/daemon/clock.ts';
import { type SpawnedProgram, spawnProgram } from '../../lib/daemon/program.ts';
import { escapeLog } from '../terminal.ts';

/** A whole line of roles that runs in a folder for this one command. */
export interface RunningLine {
  /** Through which the qube rebuilder-admin calls. */
  readonly adminSocket: string;
  /** Aborted when the line has ended by itself; the reason says why. */
  readonly ended: AbortSignal;
  stop(): Promise<void>;
}

export class LineFailure extends Error {
  override readonly name = 'LineFailure';
}

export interface LineSettings {
  /** The line's program. */
  readonly program: string;
  readonly dir: string;
  readonly config: string;
  readonly cache: string;
  /** How long its members have to end. */
  readonly stopMs: number;
  readonly clock: Clock;
  readonly stop: AbortSignal;
}

const startMs = 60_000;
/** The line itself ends after its members. */
const slackMs = 5_000;
const maxAnswer = 65_536;
const maxSaid = 16_384;

/** Starts broker and roles; resolves when each of them is ready. They end with this process, however it ends. */
export async function startLine(settings: LineSettings): Promise<RunningLine> {
  const { clock, stop } = settings;
  stop.throwIfAborted();
  const line = spawnProgram(
    process.execPath,
    [
      settings.program,
      ...['--dir', settings.dir, '--config', settings.config, '--cache', settings.cache],
      ...['--without', 'reporter,uploader', '--make-key', 'rebuilderctl rebuild'],
      ...['--grace-seconds', String(Math.ceil(settings.stopMs / 1_000))],
    ],
    { detached: true },
  );
  let said = '';
  line.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-maxSaid);
  });
  line.stdin.on('error', () => {});
  const ended = new AbortController();
  void line.exited.then(
    ({ code, signal }) => ended.abort(new LineFailure(`the line ended${reasonOf(said, code ?? signal)}`)),
    (error: unknown) => ended.abort(new LineFailure(`the line cannot be started: ${error}`)),
  );
  const tooLong = new AbortController();
  const waited = AbortSignal.any([stop, ended.signal, tooLong.signal]);
  void clock.sleep(startMs, waited).then(
    () =>
      tooLong.abort(
        new LineFailure(`the line was not ready after ${startMs / 1_000} s${reasonOf(said, null)}`),
      ),
    () => {},
  );
  const stopLine = () => endProgram(line, ended.signal, settings);
  try {
    const adminSocket = await readReady(line, waited);
    tooLong.abort();
    return { adminSocket, ended: ended.signal, stop: stopLine };
  } catch (error) {
    await stopLine();
    throw error;
  }
}

/** The line says one JSON line once it is ready. */
async function readReady(line: SpawnedProgram, signal: AbortSignal): Promise<string> {
  let answer = '';
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    line.stdout.on('data', (chunk: Buffer) => {
      if (answer.length > maxAnswer) return;
      answer += chunk.toString('utf8');
      if (!answer.includes('\n')) return;
      signal.removeEventListener('abort', onAbort);
      const socket = socketOf(answer.slice(0, answer.indexOf('\n')));
      if (socket === undefined) reject(new LineFailure('the line said something else than that it is ready'));
      else resolve(socket);
    });
  });
}

function socketOf(answer: string): string | undefined {
  try {
    const { ready, adminSocket } = JSON.parse(answer) as { ready?: unknown; adminSocket?: unknown };
    return ready === true && typeof adminSocket === 'string' ? adminSocket : undefined;
  } catch {
    return undefined;
  }
}

/** Asks it to end, at once when the command itself is told to stop meanwhile, and after its time makes it. */
async function endProgram(
  line: SpawnedProgram,
  ended: AbortSignal,
  { stopMs, clock, stop }: LineSettings,
): Promise<void> {
  if (ended.aborted) return;
  line.stdin.end();
  line.kill('SIGTERM');
  const over = new AbortController();
  const hurry = () => line.kill('SIGQUIT');
  const late = clock.sleep(stopMs + slackMs, over.signal).then(
    () => line.kill('SIGKILL'),
    () => {},
  );
  stop.addEventListener('abort', hurry, { once: true });
  await line.exited.catch(() => {});
  stop.removeEventListener('abort', hurry);
  over.abort();
  await late;
}

function reasonOf(said: string, ending: number | string | null): string {
  const last = said.trimEnd().split('\n').at(-1) ?? '';
  if (last !== '') return `: ${escapeLog(last)}`;
  return ending === null ? '' : ` (${ending})`;
}
