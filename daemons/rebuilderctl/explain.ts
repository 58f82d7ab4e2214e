import { ContractError } from '../lib/contracts/contract.ts';
import { DistError } from '../lib/domain/dist.ts';
import { NameError } from '../lib/domain/names.ts';
import { CallError } from '../lib/wire/call.ts';
import { WireError } from '../lib/wire/frame.ts';
import { CommandError, exitCodes } from './errors.ts';

/** Any error as one for the person at the keyboard; what nobody foresaw keeps its own words. */
export function explain(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  if (error instanceof CallError) return explainCall(error);
  if (error instanceof ContractError || error instanceof NameError || error instanceof DistError) {
    return new CommandError(error.message, undefined, exitCodes.failed, { cause: error });
  }
  if (error instanceof WireError) {
    return new CommandError(`the reply broke off: ${error.message}`, 'Try again.', exitCodes.failed, {
      cause: error,
    });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new CommandError(message, undefined, exitCodes.failed, { cause: error });
}

const nextSteps: Partial<Readonly<Record<CallError['code'], string>>> = {
  refused:
    "Run it in the admin qube (tag package-rebuilder-admin), and see dom0's policy in /etc/qubes/policy.d and its journal.",
  unavailable:
    'Start the orchestrator: systemctl start package-rebuilder-orchestrator in its qube; then try again.',
  local:
    'Is qrexec-client-vm installed, and does this qube run on Qubes OS or under the standalone broker (rebuilder.service)?',
  lost: 'Look at `journalctl -u package-rebuilder-orchestrator` in its qube; then try again.',
  busy: 'Try again in a moment.',
  paused: 'Resume the queue: rebuilderctl control resume --queue QUEUE.',
  'disk-full': "Make room on the orchestrator's disk, or raise objects-quota in rebuilder.conf.",
  internal: 'Look at `journalctl -u package-rebuilder-orchestrator -p warning` in its qube.',
};

function explainCall(error: CallError): CommandError {
  const code = error.code === 'not-found' ? exitCodes.no : exitCodes.failed;
  return new CommandError(error.message, nextSteps[error.code], code, { cause: error });
}
