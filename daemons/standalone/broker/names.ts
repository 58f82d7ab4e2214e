/** What dom0's daemon does to the names a caller sends: QubesOS/qubes-core-qrexec, daemon/qrexec-daemon.c. */

/** A request that dom0 refuses before any policy is asked. */
export class BadRequest extends Error {
  override readonly name = 'BadRequest';
  readonly code = 'bad-request';
}

/** Every byte outside the alphabet silently becomes `_`; `keep` names what is allowed besides letters, digits, `_`, `-` and `.`. */
function sanitize(untrusted: Buffer, keep: string): string {
  const allowed = new RegExp(`[^A-Za-z0-9_.${keep}-]`, 'g');
  return untrusted.toString('latin1').replace(allowed, '_');
}

/** A target or a relayed source: sanitize_name with `@:`. */
export function sanitizeTarget(untrusted: Buffer): string {
  return sanitize(untrusted, '@:');
}

export interface ServiceAndArgument {
  readonly service: string;
  readonly argument: string;
}

/** validate_service_name, then the split at the first `+`. */
export function parseServiceName(untrusted: Buffer): ServiceAndArgument {
  if (untrusted.length === 0) throw new BadRequest('Empty service name not allowed');
  if (untrusted[0] === 0x2b) throw new BadRequest("Service name must not start with '+'");
  const whole = sanitize(untrusted, '+');
  const plus = whole.indexOf('+');
  return plus < 0
    ? { service: whole, argument: '' }
    : { service: whole.slice(0, plus), argument: whole.slice(plus + 1) };
}
