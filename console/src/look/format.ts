const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** A place for a value that is not there. */
export const NONE = '–';

/** A number with three significant digits, or whole with separators. */
export function numberText(value: number | null | undefined): string {
  if (value === null || value === undefined) return NONE;
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) || Math.abs(value) >= 1_000) return whole.format(value);
  return String(Number(value.toPrecision(3)));
}

/** A count with its noun. */
export function countText(count: number, noun: string): string {
  return `${numberText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** A name of the API in words: `rolledBack` is `rolled back`. */
export function wordsText(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, (_, last: string, first: string) => `${last} ${first.toLowerCase()}`);
}

/** A duration in the unit that fits it. */
export function durationText(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return NONE;
  const size = Math.abs(ms);
  if (size === 0) return '0 ms';
  if (size < 1) return `${numberText(ms * 1_000)} µs`;
  if (size < 1_000) return `${numberText(ms)} ms`;
  if (size < 120_000) return `${numberText(ms / 1_000)} s`;
  if (size < 7_200_000) return `${numberText(ms / 60_000)} min`;
  if (size < 172_800_000) return `${numberText(ms / 3_600_000)} h`;
  return `${numberText(ms / 86_400_000)} d`;
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** A size in the unit that fits it. */
export function bytesText(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined) return NONE;
  const power = bytes < 1 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  return `${numberText(bytes / 2 ** (10 * power))} ${BYTE_UNITS[power]}`;
}

/** The least share that has digits of its own. */
const LEAST_SHARE = 1e-4;

/** A share of one as a percentage. */
export function shareText(share: number | null | undefined): string {
  if (share === null || share === undefined) return NONE;
  return share > 0 && share < LEAST_SHARE ? `< ${100 * LEAST_SHARE} %` : `${numberText(100 * share)} %`;
}

/** An amount of money. */
export function costText(usd: number | null | undefined): string {
  if (usd === null || usd === undefined) return NONE;
  return `$${usd.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

const clock = new Intl.DateTimeFormat(undefined, {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});

/** An instant in the zone of the viewer. */
export function timeText(at: number): string {
  return clock.format(at);
}
