import { addMonths, dayMs, parseUtcTime } from '../../lib/domain/date.ts';
import { layoutTime } from '../../lib/openpgp/sign.ts';
import { CommandError } from '../errors.ts';

/** Nobody keeps a key that long. */
const maxYears = 100;

/** The expiry of a layout whose maker named none: in-toto's own (models/layout.py, Layout.__init__). */
export function defaultExpiry(now: number): string {
  return layoutTime(addMonths(now, 1));
}

/**
 * What `--expires` says: `90d`, `8w`, `6m`, `1y`, counted by the calendar; a day `2031-02-03`, at its beginning in UTC; or
 * the time as the layout will have it.
 *
 * @throws CommandError for anything else, a time that has passed, or one absurdly far away
 */
export function parseExpiry(text: string, now: number): string {
  const at = momentOf(text, now);
  if (at === undefined) {
    throw new CommandError(
      `--expires: found ${JSON.stringify(text.slice(0, 40))}, expected 90d, 8w, 6m, 1y, YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ`,
    );
  }
  if (at <= now) throw new CommandError(`--expires: ${layoutTime(at)} has passed`);
  if (at > addMonths(now, maxYears * 12)) {
    throw new CommandError(`--expires: ${text} is more than ${maxYears} years away`);
  }
  return layoutTime(at);
}

function momentOf(text: string, now: number): number | undefined {
  const [, count = '', unit = ''] = /^(\d{1,5})([dwmy])$/.exec(text) ?? [];
  const number = Number(count);
  switch (unit) {
    case 'd':
      return now + number * dayMs;
    case 'w':
      return now + number * 7 * dayMs;
    case 'm':
      return addMonths(now, Math.min(number, maxYears * 12 + 1));
    case 'y':
      return addMonths(now, Math.min(number, maxYears + 1) * 12);
    default:
      return parseUtcTime(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
  }
}
