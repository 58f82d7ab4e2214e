import type { Clock } from '../../lib/daemon/clock.ts';
import type { Log } from '../../lib/daemon/log.ts';
import type { RelayedCall } from '../relay/relayed-call.ts';
import type { SignatureLog } from '../signature-log.ts';
import { type Agent, AgentGone } from './agent.ts';
import { FilteredCommand } from './commands.ts';
import { LineTooLong } from './lines.ts';
import { serveConnection } from './serve.ts';

export interface Gpg2Options {
  readonly clock: Clock;
  readonly log: Log;
  readonly signatures: SignatureLog;
  readonly agent: Agent;
}

/** What qrexec ends a call with that it lost: whoever made it may make it again. */
const lost = 255;

/**
 * Answers one `qubes.Gpg2` call where there is no split-gpg2, for standalone: its standard streams are gpg's connection.
 *
 * @returns the exit status
 */
export async function answerGpg2(call: RelayedCall, options: Gpg2Options): Promise<number> {
  const { clock, log, signatures, agent } = options;
  try {
    await serveConnection(call.input, call.stdout, {
      agent,
      onSigned: async ({ keygrip, digest }) => {
        await signatures.add(clock.now(), { digest, keygrip, for: call.source });
        log.notice('signed', { digest, keygrip, qube: call.source });
      },
    });
  } catch (error) {
    if (error instanceof AgentGone) {
      log.warning('call lost', { say: error.message, qube: call.source });
      call.say(`${error.message}\n`);
      return lost;
    }
    if (!(error instanceof FilteredCommand || error instanceof LineTooLong)) throw error;
    // split-gpg2 ends with 0 all the same: what there is to say, it has said to gpg.
    call.say(`${error.message}\n`);
  }
  return 0;
}
