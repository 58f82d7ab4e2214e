import { statSync } from 'node:fs';
import { PolicyError } from './errors.ts';
import { type Denied, evaluate, type PolicyRequest, type Verdict } from './evaluate.ts';
import { type LoadOptions, loadPolicy } from './load.ts';
import type { Policy } from './parse.ts';
import type { SystemInfo } from './system.ts';

/** The policy of some directories as they are now. */
export interface LivePolicy {
  /** Judges one call; everything is denied while the policy is broken. */
  evaluate(request: PolicyRequest, system: SystemInfo): Verdict;
  /** The policy as it is now, or why there is none; loads it if something changed. */
  current(): Policy | PolicyError;
}

export interface LivePolicyOptions extends Pick<LoadOptions, 'legacyDirectory'> {
  readonly clock: { now(): number };
  readonly log: { notice(event: string): void; error(event: string): void };
}

type Snapshot = Readonly<{
  policy: Policy | PolicyError;
  stamps: ReadonlyMap<string, string>;
  /** False while a file is so young that a second change could leave its stamp as it is. */
  settled: boolean;
}>;

/** File systems tick in milliseconds at best; a change within one tick leaves the time stamp as it was. */
const youngMs = 1_000;

/**
 * Loads the policy and loads it again when a file or folder that it came from changes, appears or vanishes. The loading
 * is asked for by calls: a change takes effect at the next one, as on Qubes.
 */
export function policyOf(directories: readonly string[], options: LivePolicyOptions): LivePolicy {
  let snapshot: Snapshot | undefined;

  const current = (): Policy | PolicyError => {
    if (snapshot?.settled && unchanged(snapshot.stamps)) return snapshot.policy;
    const before = snapshot?.policy;
    snapshot = take(directories, options);
    tell(before, snapshot.policy, options.log);
    return snapshot.policy;
  };

  return {
    current,
    evaluate(request, system) {
      const policy = current();
      return policy instanceof PolicyError ? broken(policy) : evaluate(policy, request, system);
    },
  };
}

function broken(error: PolicyError): Denied {
  return { action: 'deny', reason: `error loading policy: ${error.message}`, notify: true };
}

function take(directories: readonly string[], options: LivePolicyOptions): Snapshot {
  const stamps = new Map<string, string>();
  let youngest = 0;
  const onConsult = (path: string): void => {
    const { text, changedMs } = stamp(path);
    if (!stamps.has(path)) stamps.set(path, text);
    youngest = Math.max(youngest, changedMs);
  };
  const legacy = options.legacyDirectory === undefined ? {} : { legacyDirectory: options.legacyDirectory };
  const now = options.clock.now();
  const policy = tryLoading(() => loadPolicy(directories, { ...legacy, onConsult }));
  return { policy, stamps, settled: youngest < now - youngMs };
}

function tryLoading(load: () => Policy): Policy | PolicyError {
  try {
    return load();
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
}

function unchanged(stamps: ReadonlyMap<string, string>): boolean {
  return [...stamps].every(([path, before]) => stamp(path).text === before);
}

function stamp(path: string): { text: string; changedMs: number } {
  try {
    const { ctimeMs, ctimeNs, mtimeNs, size, ino, dev } = statSync(path, { bigint: true });
    return { text: [ctimeNs, mtimeNs, size, ino, dev].join(' '), changedMs: Number(ctimeMs) };
  } catch {
    return { text: 'absent', changedMs: 0 };
  }
}

function tell(
  before: Policy | PolicyError | undefined,
  now: Policy | PolicyError,
  log: LivePolicyOptions['log'],
): void {
  const problem = now instanceof PolicyError ? now.message : undefined;
  const earlier = before instanceof PolicyError ? before.message : undefined;
  if (problem !== undefined && problem !== earlier) {
    log.error(`error loading policy, every call is denied: ${problem}`);
  }
  if (problem === undefined && earlier !== undefined) log.notice('the policy loads again');
}
