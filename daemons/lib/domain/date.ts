const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export const dayMs = 86_400_000;

/**
 * Milliseconds since 1970 of a date as Release files, changelogs and HTTP write it: RFC 5322 with a four-digit year and
 * a numeric zone, `UTC` or `GMT`. The day of the week is not looked at. undefined if it is anything else.
 */
export function parseRfcDate(text: string): number | undefined {
  const match =
    /^\s*(?:[A-Z][a-z]{2},\s+)?(\d{1,2})\s+([A-Z][a-z]{2})\s+(\d{4})\s+(\d{1,2}):(\d{2}):(\d{2})\s+(UTC|GMT|Z|[+-]\d{4})\s*$/.exec(
      text,
    );
  if (match === null) return undefined;
  const [, day = '', monthName = '', year = '', hour = '', minute = '', second = '', zone = ''] = match;
  const month = months.indexOf(monthName);
  const inRange = month >= 0 && Number(day) >= 1 && Number(day) <= daysIn(Number(year), month);
  if (!inRange || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const offset = /^[+-]/.test(zone)
    ? (zone.startsWith('-') ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3, 5)))
    : 0;
  const days = daysFromCivil(Number(year), month + 1, Number(day));
  return (days * 86_400 + Number(hour) * 3_600 + (Number(minute) - offset) * 60 + Number(second)) * 1_000;
}

/**
 * Milliseconds since 1970 of `YYYY-MM-DDTHH:MM:SSZ`, the only spelling of a time that in-toto's layouts may have; undefined
 * if it is anything else, or no day or time of day (in-toto parses what it has matched: models/layout.py).
 */
export function parseUtcTime(text: string): number | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z$/.exec(text);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = (match ?? []).slice(1).map(Number);
  if (match === null || year < 1 || month < 1 || month > 12) return undefined;
  if (day < 1 || day > daysIn(year, month - 1) || hour > 23 || minute > 59 || second > 59) return undefined;
  return (daysFromCivil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000;
}

/** The same day and time so many months later, or that month's last day where it has no such day (dateutil's rule). */
export function addMonths(wallMs: number, months: number): number {
  const days = Math.floor(wallMs / dayMs);
  const { year, month, day } = civilFromDays(days);
  const later = year * 12 + (month - 1) + months;
  const [toYear, toMonth] = [Math.floor(later / 12), ((later % 12) + 12) % 12];
  const toDay = Math.min(day, daysIn(toYear, toMonth));
  return daysFromCivil(toYear, toMonth + 1, toDay) * dayMs + (wallMs - days * dayMs);
}

function daysIn(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month] ?? 0;
}

/** Days since 1970-01-01 in the Gregorian calendar, counted in years that begin in March. */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** The inverse of `daysFromCivil`. */
function civilFromDays(days: number): { year: number; month: number; day: number } {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1_460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}
