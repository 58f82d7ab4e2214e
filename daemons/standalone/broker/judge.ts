import type { Allowed } from '../policy/evaluate.ts';
import type { SystemInfo } from '../policy/system.ts';
import type { LivePolicy } from '../policy/watch.ts';
import type { UntrustedTrigger } from '../protocol/messages.ts';
import { parseServiceName, sanitizeTarget } from './names.ts';

/** A call as it was asked for, and dom0's answer. */
export type Judged = Readonly<{ service: string; asked: string }> &
  (Readonly<{ verdict: Allowed }> | Readonly<{ reason: string }>);

/**
 * Decides about one call. The source is the qube whose socket it came through: what a caller claims to be counts only
 * where policy knows it as the relay of that RemoteVM. Throws `BadRequest`.
 */
export function judge(
  source: string,
  untrusted: UntrustedTrigger,
  policy: LivePolicy,
  system: SystemInfo,
): Judged {
  const { service, argument } = parseServiceName(untrusted.service);
  const asked = sanitizeTarget(untrusted.target);
  const requestedSource = sanitizeTarget(untrusted.source);
  // The target sees the `+` whether or not the caller gave an argument: daemon/qrexec-daemon.c, "trailer".
  const call = { service: `${service}+${argument}`, asked: asked === '' ? '@default' : asked };
  const verdict = policy.evaluate(
    {
      service,
      argument,
      source,
      target: asked,
      ...(requestedSource === '' ? {} : { requestedSource }),
    },
    system,
  );
  if (verdict.action === 'deny') return { ...call, reason: verdict.reason };
  if (verdict.action === 'ask') return { ...call, reason: 'policy says ask, and there is nobody to ask' };
  return { ...call, verdict };
}
