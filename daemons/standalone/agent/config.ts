import { readFileSync } from 'node:fs';
import type { SandboxOptions } from '../sandbox/sandbox.ts';

/** What an agent is told by whoever starts it, as a JSON file. */
export interface AgentConfig {
  readonly doors: readonly DoorConfig[];
}

/** One qube that answers calls, or the base of disposables that do. */
export interface DoorConfig {
  readonly qube: string;
  /** Where the broker connects; the broker must be able to open it. */
  readonly socket: string;
  /** Folders of services, as `QREXEC_SERVICE_PATH`. */
  readonly servicePath: string;
  /** Folders of services' settings, as `QUBES_RPC_CONFIG_PATH`. */
  readonly configPath: string;
  /** Added to the environment of executable services. */
  readonly env: Readonly<Record<string, string>>;
  /** Services run in a sandbox that lives for one call. */
  readonly sandbox?: SandboxOptions;
}

export function readAgentConfig(file: string): AgentConfig {
  const config = JSON.parse(readFileSync(file, 'utf8')) as AgentConfig;
  if (!Array.isArray(config.doors) || config.doors.length === 0) throw new Error(`${file}: doors is missing`);
  return config;
}
