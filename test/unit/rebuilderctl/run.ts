import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { openLog } from '../../../daemons/lib/daemon/log.ts';
import { runCommand } from '../../../daemons/rebuilderctl/program.ts';
import { openTerminal } from '../../../daemons/rebuilderctl/terminal.ts';
import { type FakeServices, fakeCaller } from '../../support/fake-caller.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly isTTY?: boolean;
  /** A program that stands for the whole line; its socket is answered by the same services. */
  readonly line?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stop?: AbortSignal;
}

/** Runs one command line against services that answer in this process. */
export async function runWith(
  services: FakeServices,
  args: readonly string[],
  { isTTY = false, line = '/nonexistent', env = {}, stop = new AbortController().signal }: RunOptions = {},
): Promise<Ran> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const into = (chunks: Buffer[]) => ({
    isTTY,
    write: (bytes: string | Uint8Array) => chunks.push(Buffer.from(bytes as string)),
  });
  const code = await runCommand(args, {
    caller: fakeCaller(services),
    callerAt: () => fakeCaller(services),
    programs: { line },
    clock: systemClock,
    log: openLog('rebuilderctl', { style: 'plain', write: () => {} }),
    terminal: openTerminal(into(out), into(err), {}),
    stop,
    env,
  });
  return { code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() };
}
