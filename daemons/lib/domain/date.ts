const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

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
