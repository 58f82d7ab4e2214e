import { evaluate, type Verdict } from '../../../../daemons/standalone/policy/evaluate.ts';
import type { Policy } from '../../../../daemons/standalone/policy/parse.ts';
import {
  describeSystem,
  type QubeFacts,
  type SystemInfo,
} from '../../../../daemons/standalone/policy/system.ts';
import { parsePolicyText } from '../../../../daemons/standalone/policy/text.ts';

/** A qube for tests: running, ordinary, and what is said of it. */
export function qube(name: string, facts: Partial<QubeFacts> = {}): QubeFacts {
  return { name, type: 'AppVM', tags: [], powerState: 'Running', templateForDispvms: false, ...facts };
}

export const dom0Uuid = '00000000-0000-0000-0000-000000000000';
export const bUuid = 'b3eb69d0-f9d9-4c3c-ad5c-454500303ea4';

/** `a` may start disposables of `dvm`; `b` has no base; `disp1` is one of `dvm`. */
export const system: SystemInfo = describeSystem([
  qube('dom0', { type: 'AdminVM', uuid: dom0Uuid }),
  qube('a', { defaultDispvm: 'dvm', tags: ['red'] }),
  qube('b', { uuid: bUuid, tags: ['blue'] }),
  qube('off', { powerState: 'Halted' }),
  qube('dvm', { templateForDispvms: true, tags: ['base'], powerState: 'Halted' }),
  qube('disp1', { type: 'DispVM', tags: ['base'] }),
  qube('hidden', { internal: true }),
  qube('remote', { type: 'RemoteVM', relayvm: 'relay', transportRpc: 'x.Relay' }),
  qube('remote2', { type: 'RemoteVM' }),
  qube('relay'),
]);

/** Judges a call written as `SERVICE+ARG SOURCE TARGET`; an empty target is written `''`. */
export function call(policy: string | Policy, text: string, about: SystemInfo = system): Verdict {
  const [descriptor = '', source = '', target = ''] = text.split(' ');
  const [service = '', ...rest] = descriptor.split('+');
  return evaluate(
    typeof policy === 'string' ? parsePolicyText(policy) : policy,
    { service, argument: rest.join('+'), source, target: target === "''" ? '' : target },
    about,
  );
}

/** A verdict in one word or two: `allow b`, `deny`, `ask`. */
export function inShort(verdict: Verdict): string {
  return verdict.action === 'allow' ? `allow ${verdict.target}` : verdict.action;
}
