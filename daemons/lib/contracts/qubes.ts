import type { Caller, Door } from './contract.ts';

/** The names and tags by which dom0's policy, Salt and the standalone line know the suite's qubes. */

/** A qube that answers calls is named, so that no tag can put another in its place. */
export const doorQubes = {
  orchestrator: 'rebuilder-orchestrator',
  vault: 'rebuilder-vault',
} as const satisfies Record<Exclude<Door, 'disposable'>, string>;

/** What disposables are made from; they inherit its tags. */
export const disposableBases = { debian: 'rebuilder-dvm-debian', fedora: 'rebuilder-dvm-fedora' } as const;

/** On every qube of the suite, disposables and their bases included, which have no other: it only denies. */
export const suiteTag = 'package-rebuilder';

/** On every qube of a role that calls: a new rebuilder is a new qube with this tag. */
export function callerTag(caller: Caller): string {
  return `package-rebuilder-${caller}`;
}

/** The qube of a role, and the user that it runs as. */
export function qubeOf(role: string): string {
  return role === 'rebuilder' ? 'rebuilder-worker' : `rebuilder-${role}`;
}

/** Roles whose qubes have a network. */
export const networked = ['getter', 'uploader', 'webhook'] as const satisfies readonly Caller[];
