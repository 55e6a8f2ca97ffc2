/** Numbers from here on are milliseconds since 1970 and not seconds: as seconds they are later than the year 5000. */
const MS_FROM = 1e11;
/** And microseconds, and nanoseconds. */
const US_FROM = 1e14;
const NS_FROM = 1e17;

/** Milliseconds of a number since 1970, whatever its unit, which its size shows. */
export function epochMs(value: number): number {
  if (!(value >= MS_FROM)) return value * 1000;
  return value < US_FROM ? value : value < NS_FROM ? value / 1000 : value / 1_000_000;
}

/**
 * Milliseconds since 1970 of a time stamp; NaN if it is not one. A clock without a zone is UTC.
 *
 *   stamp = digits [ "." digits ] | YYYY/MM/DD HH:MM:SS[.mmm] | YYYY-MM-DD(" "|"T")HH:MM:SS[.mmm][zone]
 */
export function stampMs(text: string | undefined): number {
  const stamp = (text ?? '').trim();
  if (/^\d{9,20}(\.\d+)?$/.test(stamp)) return epochMs(Number(stamp));
  const slashes = /^(\d{4})\/(\d{2})\/(\d{2}) (\d{2}:\d{2}:\d{2}(?:\.\d+)?)$/.exec(stamp);
  if (slashes !== null) return Date.parse(`${slashes[1]}-${slashes[2]}-${slashes[3]}T${slashes[4]}Z`);
  if (!/^\d{4}-\d{2}-\d{2}[T ]/.test(stamp)) return Number.NaN;
  const iso = stamp.replace(' ', 'T');
  return Date.parse(/(Z|[+-]\d{2}:?\d{2})$/.test(iso) ? iso : `${iso}Z`);
}
