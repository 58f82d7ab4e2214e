import type { Carried } from '../contracts/job.ts';
import type { Log } from '../daemon/log.ts';

/** Ids of 16 characters each: the log cuts a value at 500. */
const idsOnLine = 25;

/** Names the builds that are new in a job of all builds, so that a build's id leads to it in this journal, too. */
export function tellCarried(log: Pick<Log, 'info'>, payload: object): void {
  const carried = 'carried' in payload ? (payload.carried as Carried | undefined) : undefined;
  const { builds, more } = carried ?? { builds: [], more: 0 };
  for (let at = 0; at < builds.length; at += idsOnLine) {
    log.info('carries', { builds: builds.slice(at, at + idsOnLine).join(',') });
  }
  if (more > 0) log.info('carries builds that are not named', { more });
}
