/** Exit codes of every command; `--help` tells them too. */
export const exitCodes = { done: 0, no: 1, failed: 2, alarm: 3 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodesHelp = `
Exit codes: 0 done (rebuild: reproducible; verify: accepted); 1 the answer is no (rebuild: unreproducible; verify: refused;
nothing found; layout check, client check, doctor: something to do; quorum: too few agree); 2 it could not be done, or the command
was not understood; 3 quorum: somebody made other bytes.`;

/** What stops a command, in a sentence for the person at the keyboard, and what to do about it. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  constructor(
    message: string,
    readonly next?: string,
    readonly exitCode: ExitCode = exitCodes.failed,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
