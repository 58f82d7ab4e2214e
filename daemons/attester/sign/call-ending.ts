/** What the end of a call to the vault means that brought no answer (facts: qrexec, "Exit status"), in words for people. */
export function endingOf(service: string, status: number | undefined, said: string): string {
  return `${meaningOf(service, status)}${lastLine(said)}`;
}

function meaningOf(service: string, status: number | undefined): string {
  if (status === undefined) return 'cannot be called from here';
  if (status === 126) return 'is not allowed to us, or could not be started';
  if (status === 127 || status === 125) return `does not serve ${service}`;
  return `ended the call without an answer (${status})`;
}

/** Of what somebody said, the last line, with a colon before it. */
export function lastLine(said: string): string {
  const line = said.trim().split('\n').at(-1)?.trim().slice(0, 300) ?? '';
  return line === '' ? '' : `: ${line}`;
}
