import { readFileSync } from 'node:fs';
import type { QubeFacts } from '../policy/system.ts';

/** What a broker is told by whoever starts it, as a JSON file. */
export interface BrokerConfig {
  /** Searched as dom0 searches /run/qubes/policy.d and /etc/qubes/policy.d; the first wins for a file name. */
  readonly policyDirectories: readonly string[];
  /** Every qube that policy may speak of. */
  readonly qubes: readonly QubeFacts[];
  /** The socket that each calling qube comes through. */
  readonly callers: Readonly<Record<string, CallerSocket>>;
  /** Where the agent of each qube that answers listens. */
  readonly agents: Readonly<Record<string, string>>;
  /** Where the agent listens that answers for a fresh disposable of that base. */
  readonly disposables: Readonly<Record<string, string>>;
}

export interface CallerSocket {
  readonly path: string;
  /** Its folder is there, and keeps out whoever is not this qube; else the broker makes one for its own user alone. */
  readonly folderIsMade?: boolean;
}

export function readBrokerConfig(file: string): BrokerConfig {
  const config = JSON.parse(readFileSync(file, 'utf8')) as BrokerConfig;
  for (const key of ['policyDirectories', 'qubes', 'callers', 'agents', 'disposables'] as const) {
    if (typeof config[key] !== 'object') throw new Error(`${file}: ${key} is missing`);
  }
  return config;
}
