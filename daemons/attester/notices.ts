import { maxNoticeSay, maxNotices, type Notice } from '../lib/contracts/documents/notice.ts';
import type { Clock } from '../lib/daemon/clock.ts';
import type { Log } from '../lib/daemon/log.ts';
import { dayMs } from '../lib/domain/date.ts';
import { checkLayout, soonMs } from '../lib/layout/check.ts';
import { about, type Finding, type FindingCode } from '../lib/layout/findings.ts';
import { layoutTime } from '../lib/openpgp/sign.ts';
import type { ConfiguredKey } from './keys.ts';
import { readRootLayout } from './root-layout.ts';
import type { ProjectSettings } from './settings.ts';

/** What of a project's settings has an end, or may not fit together. */
export type Watched = Pick<ProjectSettings, 'reproducible' | 'unreproducible' | 'rootLayout'>;

export interface NoticesOptions {
  /** Of each project: one that is not followed may be rebuilt by hand. */
  readonly watched: readonly Watched[];
  readonly clock: Clock;
  readonly log: Log;
}

/** How often the layout's file is read again, though a Lease may be asked for many times a second. */
const lookAgainMs = 60_000;
/** Each notice stands in the journal once in so long. */
const logAgainMs = dayMs;

/** What the attester wants people to know of its keys and of the layout that it publishes: its own and in the journal. */
export class Notices {
  readonly #options: NoticesOptions;
  readonly #logged = new Map<string, number>();
  #current: Promise<readonly Notice[]> = Promise.resolve([]);
  #looked = Number.NEGATIVE_INFINITY;

  constructor(options: NoticesOptions) {
    this.#options = options;
  }

  /** As it is now, to the minute. */
  async current(): Promise<readonly Notice[]> {
    const now = this.#options.clock.monotonic();
    if (now - this.#looked >= lookAgainMs) {
      this.#looked = now;
      this.#current = this.#look(now);
    }
    return await this.#current;
  }

  async #look(now: number): Promise<readonly Notice[]> {
    const { watched, clock, log } = this.#options;
    const notices = await noticesOf(watched, clock.now());
    for (const { code, say } of notices) {
      if (now - (this.#logged.get(say) ?? Number.NEGATIVE_INFINITY) < logAgainMs) continue;
      this.#logged.set(say, now);
      log.warning(say, { code });
    }
    return notices;
  }
}

/** At most as many as a Lease may carry, each once, however many projects share its cause. */
export async function noticesOf(watched: readonly Watched[], now: number): Promise<readonly Notice[]> {
  const all: Notice[] = [];
  for (const one of watched) all.push(...keyNotices(one, now), ...(await layoutNotices(one, now)));
  const notices = [...new Map(all.map((notice) => [notice.say, notice])).values()];
  if (notices.length <= maxNotices) return notices;
  const kept = notices.slice(0, maxNotices - 1);
  const say = `${notices.length - kept.length} more: see rebuilderctl layout check`;
  return [...kept, { code: 'layout-key', say, at: null }];
}

function keyNotices({ reproducible, unreproducible }: Watched, now: number): readonly Notice[] {
  return [reproducible, unreproducible].flatMap((key) =>
    key === undefined
      ? []
      : [...endOf(key, true, now), ...key.previous.flatMap((one) => endOf(one, false, now))],
  );
}

function endOf({ name, fingerprint, until }: ConfiguredKey, signs: boolean, now: number): readonly Notice[] {
  if (until === undefined || until >= now + soonMs) return [];
  const [code, ends] =
    until < now ? (['key-expired', 'has ended'] as const) : (['key-expires', 'ends'] as const);
  const next = signs
    ? 'extend it or put another in its place, and have the layout believe that'
    : `what it signed alone is refused then: rebuilderctl resign --signed-by ${fingerprint}`;
  return [notice(code, `${name} ${fingerprint} ${ends} on ${layoutTime(until)}: ${next}`, until)];
}

async function layoutNotices(
  { reproducible, rootLayout: file }: Watched,
  now: number,
): Promise<readonly Notice[]> {
  if (file === undefined) return [];
  const ours = reproducible === undefined ? [] : [reproducible, ...reproducible.previous];
  const rebuilders = ours
    .filter(({ until }) => until === undefined || until >= now)
    .map(({ key }) => ({ key, unusable: undefined }));
  try {
    const { layout, signatures } = await readRootLayout(file);
    const own = new Set(ours.map(({ key }) => key.keyid));
    return checkLayout({ layout, signatures, owners: [], rebuilders, now }).map((found) => {
      const { say, next, at = null } = about(file, found);
      return notice(codeOf(found, own), `${file}: ${say}. ${next}`, at);
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [notice('layout-unreadable', `${file}: the root layout is not published: ${why}`, null)];
  }
}

function codeOf({ code, subject }: Finding, own: ReadonlySet<string>): Notice['code'] {
  if ((code === 'key-missing' || code === 'key-unnamed') && own.has(subject)) return 'layout-lacks-key';
  return codes[code] ?? 'layout-key';
}

/** Of the layout as a whole; all other findings are about one of its keys. */
const codes: Readonly<Partial<Record<FindingCode, Notice['code']>>> = {
  expired: 'layout-expired',
  'expires-soon': 'layout-expires',
  'step-missing': 'layout-threshold',
  'threshold-none': 'layout-threshold',
  'threshold-unreachable': 'layout-threshold',
};

function notice(code: Notice['code'], say: string, at: number | null): Notice {
  return { code, say: say.slice(0, maxNoticeSay), at };
}
