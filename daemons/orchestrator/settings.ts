import type { RoleConfig } from '../lib/daemon/config.ts';
import { suiteVersion } from '../lib/daemon/version.ts';
import { type Project, projects } from '../lib/domain/dist.ts';
import type { Settings } from './doors/office.ts';

/** Upstream's `retry_backoff`: seconds between two tries (facts: upstream §6). */
const retryDelaySeconds = 3_600;

/** A configuration that is well-formed and asks for what is not there. */
export class RefusedConfig extends Error {
  override readonly name = 'RefusedConfig';
}

export interface OrchestratorSettings extends Settings {
  /** Where the ledger's file is, if the configuration says so. */
  readonly ledgerPath: string | undefined;
  readonly quotaBytes: number | undefined;
}

/** @throws RefusedConfig in one line */
export function settingsOf(config: RoleConfig<'orchestrator'>): OrchestratorSettings {
  const { celery, common } = config;
  for (const [key, place] of [
    ['broker', celery.broker],
    ['backend', celery.backend],
  ] as const) {
    if (place.kind === 'redis' || place.kind === 'mongodb') {
      throw new RefusedConfig(
        `${config.files.join(', ')}: ${key}: found a ${place.kind} URL, expected sqlite:PATH or nothing: ` +
          'this version keeps its ledger in one file only',
      );
    }
  }
  const dists = projects.flatMap((project: Project) => {
    const { dists: own, scheduleGet } = config.projects[project];
    return own.map((dist) => ({ dist: dist.text, everyMs: scheduleGet * 1_000 }));
  });
  const path = [celery.backend, celery.broker].map((place) => ('path' in place ? place.path : undefined));
  return {
    version: suiteVersion,
    dists,
    maxRetries: celery.maxRetries,
    retryDelayMs: retryDelaySeconds * 1_000,
    reportEveryMs: common.scheduleGenerateResults * 1_000,
    ledgerPath: path.find((one) => one !== undefined),
    quotaBytes: common.objectsQuota,
  };
}
