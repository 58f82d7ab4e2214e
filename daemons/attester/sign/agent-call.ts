import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { JobFailure } from '../../lib/contracts/job-failure.ts';
import { type Clock, workIsDone } from '../../lib/daemon/clock.ts';
import type { Caller } from '../../lib/wire/call.ts';
import { declined, endingOf, lastLine, listenTo, vaultFailure } from './call-ending.ts';

/** One connection of gpg's to its agent, by a `qubes.Gpg2` call. */
export interface AgentCall {
  /** What the vault has done so far that keeps gpg from signing, if anything. */
  trouble(): Promise<JobFailure | undefined>;
  kill(): void;
}

/** How long a call may stay after one side has left. */
const leaveMs = 10_000;
/** More than the line that says that a command was filtered. */
const keptBytes = 256;
const greeting = 'OK';
/** What an agent answers to BYE. */
const farewell = 'OK closing connection\n';
const filtered = /(?:^|\n)ERR 67109888 /;

/** Joins gpg and the vault until either has done. */
export function carry(
  socket: Socket,
  { caller, clock }: Readonly<{ caller: Pick<Caller, 'raw'>; clock: Clock }>,
): AgentCall {
  const call = caller.raw('qubes.Gpg2', '@default');
  const said = listenTo(call.stderr);
  const asked = endsOf(socket);
  const answered = endsOf(call.stdout);
  let firstToLeave: 'gpg' | 'vault' | undefined;
  const gone = new AbortController();
  const leave = (who: 'gpg' | 'vault') => {
    if (firstToLeave !== undefined) return;
    firstToLeave = who;
    clock.sleep(leaveMs, gone.signal).then(
      () => call.kill(),
      () => {},
    );
  };
  for (const stream of [socket, call.stdin, call.stdout]) stream.on('error', () => {});
  socket
    .once('close', () => leave('gpg'))
    .once('end', () => {
      leave('gpg');
      socket.end();
    });
  call.stdout.once('end', () => leave('vault'));
  socket.pipe(call.stdin);
  // gpg hears of the end only when the call's status is here, and after all that the vault said.
  call.stdout.pipe(socket, { end: false });
  const closed = new Promise((resolve) => call.stdout.once('close', resolve));
  const exited = call.exited.then(
    () => gone.abort(workIsDone),
    () => gone.abort(workIsDone),
  );
  void Promise.all([exited, closed]).then(() => socket.end());
  return {
    async trouble() {
      if (!greeting.startsWith(answered.head)) return vaultFailure(`answered garbage${lastLine(said.text)}`);
      if (filtered.test(answered.tail)) {
        const command = lastCommand(asked.tail);
        return vaultFailure(
          command === 'PKSIGN'
            ? `refused to sign: ${declined['qubes.Gpg2']}`
            : `does not let gpg's ${command} through`,
        );
      }
      if (firstToLeave !== 'vault' || answered.tail.endsWith(farewell)) return undefined;
      return await endingOf('qubes.Gpg2', call, said);
    },
    kill: () => call.kill(),
  };
}

/** The first and the last bytes of a stream. */
function endsOf(stream: Readable): { readonly head: string; readonly tail: string } {
  const ends = { head: '', tail: '' };
  stream.on('data', (chunk: Buffer) => {
    const text = chunk.toString('latin1');
    if (ends.head.length < greeting.length) ends.head = (ends.head + text).slice(0, greeting.length);
    ends.tail = (ends.tail + text).slice(-keptBytes);
  });
  return ends;
}

/** The first word of the last line: none but an agent's own commands come from gpg. */
function lastCommand(text: string): string {
  return /(?:^|\n)([A-Z_]+)[^\n]*\n?$/.exec(text)?.[1] ?? 'command';
}
