import { type Detector, type DetectorState, restarting } from './detector.ts';

export interface AdwinOptions {
  /** Chance of a false change at one look, about; .002. */
  readonly delta?: number;
  /** Values between looks; 32. */
  readonly clock?: number;
  /** Buckets of one size; 5. */
  readonly maxBuckets?: number;
  /** Fewest values on each side of a cut; 5. */
  readonly minWindow?: number;
  /** Values before the first look; 10. */
  readonly grace?: number;
  /** Whether the window starts again after a change, as in river; otherwise it keeps its newer part. */
  readonly restart?: boolean;
}

/** One size of bucket: 2^i values each, oldest first. */
interface Row {
  readonly totals: number[];
  readonly squares: number[];
}

interface Window {
  readonly rows: Row[];
  width: number;
  total: number;
  squares: number;
  ticks: number;
}

/**
 * ADWIN (Bifet and Gavaldà 2007): an adaptive window over an exponential histogram, cut where two parts differ by more
 * than Bernstein's bound. Every bucket is tried as a cut but the last. Both directions.
 */
export function adwin(options: AdwinOptions = {}): Detector {
  const { delta = 0.002, clock = 32, maxBuckets = 5, minWindow = 5, grace = 10, restart = true } = options;
  const start = (): Window => ({ rows: [{ totals: [], squares: [] }], width: 0, total: 0, squares: 0, ticks: 0 });
  const step = (window: Window, value: number): DetectorState => {
    insert(window, value, maxBuckets);
    window.ticks += 1;
    if (window.ticks % clock !== 0 || window.width <= grace) return 'stable';
    let changed = false;
    while (hasCut(window, delta, minWindow)) {
      changed = true;
      dropOldest(window);
    }
    return changed ? 'drift' : 'stable';
  };
  if (restart) return restarting(start, step);
  const sliding = (window: Window): Detector => ({
    update: (value) => (Number.isFinite(value) ? step(window, value) : 'stable'),
    copy: () => sliding(structuredClone(window)),
  });
  return sliding(start());
}

function insert(window: Window, value: number, maxBuckets: number): void {
  const mean = window.width === 0 ? value : window.total / window.width;
  window.squares += (window.width / (window.width + 1)) * (value - mean) ** 2;
  window.width += 1;
  window.total += value;
  window.rows[0].totals.push(value);
  window.rows[0].squares.push(0);
  for (let i = 0; window.rows[i].totals.length > maxBuckets; i += 1) {
    if (i + 1 === window.rows.length) window.rows.push({ totals: [], squares: [] });
    const [t1 = 0, t2 = 0] = window.rows[i].totals.splice(0, 2);
    const [s1 = 0, s2 = 0] = window.rows[i].squares.splice(0, 2);
    const size = 2 ** i;
    window.rows[i + 1].totals.push(t1 + t2);
    window.rows[i + 1].squares.push(s1 + s2 + (size / 2) * (t1 / size - t2 / size) ** 2);
  }
}

function hasCut(window: Window, delta: number, minWindow: number): boolean {
  const { rows, width, total, squares } = window;
  const variance = squares / width;
  const logTerm = Math.log((2 * Math.log(width)) / delta);
  let n0 = 0;
  let sum0 = 0;
  for (let i = rows.length - 1; i >= 0; i -= 1) {
    const { totals } = rows[i];
    for (let k = 0; k < totals.length; k += 1) {
      n0 += 2 ** i;
      sum0 += totals[k];
      const n1 = width - n0;
      if (n1 === 0 || (i === 0 && k === totals.length - 1)) return false;
      if (n0 < minWindow || n1 < minWindow) continue;
      const m = 1 / (n0 - minWindow + 1) + 1 / (n1 - minWindow + 1);
      const bound = Math.sqrt(2 * m * variance * logTerm) + (2 / 3) * logTerm * m;
      if (Math.abs(sum0 / n0 - (total - sum0) / n1) > bound) return true;
    }
  }
  return false;
}

function dropOldest(window: Window): void {
  const { rows } = window;
  const i = rows.length - 1;
  const total = rows[i].totals.shift() ?? 0;
  const squares = rows[i].squares.shift() ?? 0;
  const size = 2 ** i;
  window.width -= size;
  window.total -= total;
  const gap = total / size - window.total / window.width;
  window.squares = Math.max(0, window.squares - squares - ((size * window.width) / (size + window.width)) * gap * gap);
  if (rows[i].totals.length === 0 && rows.length > 1) rows.pop();
}
