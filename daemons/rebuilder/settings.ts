import { availableParallelism, totalmem } from 'node:os';
import type { BuildLimits } from '../lib/contracts/build.ts';
import type { RoleConfig } from '../lib/daemon/config.ts';

/** What one build may take, and how many run at once. */
export interface Settings {
  readonly slots: number;
  readonly limits: BuildLimits;
  readonly keepBases: 'yes' | 'no' | 'finish';
}

const mebibyte = 1_048_576;
/** Of this qube's memory, shared by the slots, where nothing else is configured. */
const memoryShare = 0.9;
/** A build of middling size keeps so many cores busy. */
const coresPerSlot = 4;

/** Reads the rebuilder's keys; the project's own section wins over [common]. */
export function settingsOf(config: RoleConfig<'rebuilder'>): Settings {
  const { slots, buildMemory, buildTime, buildProcesses, buildOutput, buildLog, keepBases } =
    config.projects.debian;
  const atOnce = slots ?? Math.max(1, Math.floor(availableParallelism() / coresPerSlot));
  const memory = buildMemory ?? Math.floor((totalmem() * memoryShare) / atOnce);
  return {
    slots: atOnce,
    keepBases,
    limits: {
      wallSeconds: buildTime,
      memoryMiB: Math.max(64, Math.floor(memory / mebibyte)),
      processes: buildProcesses,
      logBytes: buildLog,
      outputBytes: buildOutput,
    },
  };
}
