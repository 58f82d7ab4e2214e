import type { Readable } from 'node:stream';
import { JobFailure } from '../../lib/contracts/job-failure.ts';
import type { RawCall } from '../../lib/wire/call.ts';
import { isAway, VaultAway } from './vault-away.ts';

const maxSaid = 65_536;

/** What a call says on its standard error: the last 64 KiB, foreign text. */
export interface Said {
  readonly text: string;
  /** Once there is no more to come. */
  readonly over: Promise<void>;
}

export function listenTo(stderr: Readable): Said {
  const said = { text: '', over: new Promise<void>((resolve) => stderr.once('close', resolve)) };
  stderr.on('data', (chunk: Buffer) => {
    said.text = (said.text + chunk.toString('utf8')).slice(-maxSaid);
  });
  stderr.on('error', () => {});
  return said;
}

/**
 * Waits for the end of a call to the vault that brought no answer; the failure says what it means (facts: qrexec, "Exit
 * status"), in words for people.
 */
export async function endingOf(
  service: string,
  call: Pick<RawCall, 'exited'>,
  said: Said,
): Promise<JobFailure> {
  const [status] = await Promise.all([call.exited.catch(() => undefined), said.over]);
  const words = lastLine(said.text);
  // The consent of split GPG 1 (qubes.Gpg.service) ends with 1 and no word.
  const isConsent = service === 'qubes.Gpg' && status === 1 && words === '';
  const what = `${meaningOf(service, status)}${isConsent ? `: ${declined[service]}` : words}`;
  return isAway(status) ? new VaultAway(`the vault ${what}`) : vaultFailure(what);
}

/** What a person's no and a prompt that reaches nobody look like from here, and what asks nobody. */
export const declined = {
  'qubes.Gpg':
    'its person declined or could not be asked; QUBES_GPG_AUTOACCEPT in its ~/.profile says for how long a yes is good',
  'qubes.Gpg2':
    'its person declined or could not be asked; `autoaccept = yes` in its qubes-split-gpg2.conf asks nobody',
} as const;

function meaningOf(service: string, status: number | undefined): string {
  if (status === undefined) return 'cannot be called from here';
  if (status === 126) return 'is not allowed to us, or could not be started';
  if (status === 127 || status === 125) return `does not serve ${service}`;
  return `ended the call without an answer (${status})`;
}

/** Of what somebody said, the last line that says something, with a colon before it. */
export function lastLine(said: string): string {
  const lines = said.trim().split('\n');
  // split-gpg2 ends what it says with this, whatever it was (splitgpg2/__init__.py, `close`).
  const line = lines.findLast((one) => !/; Closing!$/.test(one.trim())) ?? '';
  return line === '' ? '' : `: ${line.trim().slice(0, 300)}`;
}

export function vaultFailure(what: string, cause?: unknown): JobFailure {
  return new JobFailure('signing', `the vault ${what}`, cause === undefined ? {} : { cause });
}

/** What a vault that does not answer may be about. */
export function silenceOf(ms: number): string {
  return `did not answer within ${ms / 1_000} s: a prompt there may wait for its person`;
}
