import { medianOf } from '../analysis/statistics.ts';
import type { HtaRows } from './hta-rows.ts';
import type { ScopedNumber } from './scope.ts';

/** Longer calls are outliers of the runtime, longer delays outliers of launching, in microseconds. */
const LONG_CALL_US = 50;
const LONG_DELAY_US = 100;

/** How launching calls and the GPU events that they launch follow each other. */
export function launchStatistics({ rows, launches, gpuTime, hostTime }: HtaRows): readonly ScopedNumber[] {
  // Of a call that launches a graph there are many events: statistics of calls count it once.
  const calls = new Map<number, number>();
  const events: number[] = [];
  const delays: number[] = [];
  let longer = 0;
  for (const row of rows) {
    const launch = launches.ofGpu[row];
    if (launch < 0) continue;
    const [callStart, callEnd] = hostTime(launch);
    const [start, end] = gpuTime(row);
    const callUs = callEnd - callStart;
    calls.set(launch, callUs);
    events.push(end - start);
    if (callUs <= LONG_CALL_US && end - start < callUs) longer += 1;
    delays.push(Math.max(start - callEnd, 0));
  }
  const durations = [...calls.values()];
  const mean = (values: readonly number[]) =>
    values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
  return [
    { name: 'launches', value: events.length, unit: 'events' },
    { name: 'launching calls', value: calls.size, unit: 'events' },
    { name: 'launches that take longer than their kernel', value: longer, unit: 'events' },
    { name: 'launching calls > 50 µs', value: durations.filter((us) => us > LONG_CALL_US).length, unit: 'events' },
    { name: 'launch delays > 100 µs', value: delays.filter((us) => us > LONG_DELAY_US).length, unit: 'events' },
    { name: 'launched event, mean', value: mean(events), unit: 'µs' },
    { name: 'launching call, mean', value: mean(durations), unit: 'µs' },
    { name: 'launch delay, median', value: delays.length === 0 ? null : medianOf(delays), unit: 'µs' },
  ];
}

/**
 * Launched events that have not started, by stream: one more at each launching call, one less at each start. The mean and
 * the most over these moments.
 */
export function queueLengths(
  { trace, rows, launches, gpuTime, hostTime }: HtaRows,
  launchesFirst = true,
): readonly ScopedNumber[] {
  const streams = new Map<number, { at: number; change: number }[]>();
  for (const row of rows) {
    const launch = launches.ofGpu[row];
    if (launch < 0) continue;
    const moments = streams.get(trace.gpu.stream[row]) ?? [];
    moments.push({ at: hostTime(launch)[0], change: 1 }, { at: gpuTime(row)[0], change: -1 });
    streams.set(trace.gpu.stream[row], moments);
  }
  return [...streams]
    .sort(([a], [b]) => a - b)
    .flatMap(([stream, moments]) => {
      moments.sort((a, b) => a.at - b.at || (launchesFirst ? b.change - a.change : a.change - b.change));
      let length = 0;
      let sum = 0;
      let most = 0;
      for (const { change } of moments) {
        length += change;
        sum += length;
        most = Math.max(most, length);
      }
      return [
        { name: `queue of stream ${stream}, moments`, value: moments.length, unit: 'events' },
        { name: `queue of stream ${stream}, mean`, value: sum / moments.length, unit: 'events' },
        { name: `queue of stream ${stream}, most`, value: most, unit: 'events' },
      ] as const;
    });
}

/** Gaps of a stream shorter than this, in microseconds, are said to be between kernels. */
const KERNEL_WAIT_US = 30;

/**
 * Idle time of each stream, by what ended it: the next event was launched after the previous one had ended (host wait); or it
 * was not, and the gap is short (kernel wait), or longer (other). An event that starts before the end of the previous one
 * counts as negative idle time.
 */
export function idleByStream(
  { trace, rows, launches, gpuTime, hostTime }: HtaRows,
  launchOfUnlinked = Number.NaN,
): readonly ScopedNumber[] {
  const streams = new Map<number, number[]>();
  for (const row of rows) {
    const list = streams.get(trace.gpu.stream[row]) ?? [];
    list.push(row);
    streams.set(trace.gpu.stream[row], list);
  }
  return [...streams]
    .sort(([a], [b]) => a - b)
    .flatMap(([stream, list]) => {
      const sums = { 'host wait': 0, 'kernel wait': 0, other: 0 };
      const sorted = list.toSorted((a, b) => gpuTime(a)[0] - gpuTime(b)[0]);
      for (const [index, row] of sorted.entries()) {
        if (index === 0) continue;
        const before = gpuTime(sorted[index - 1])[1];
        const launch = launches.ofGpu[row];
        const idle = gpuTime(row)[0] - before;
        const launched = launch >= 0 ? hostTime(launch)[0] : launchOfUnlinked;
        if (launched > before) sums['host wait'] += idle;
        else if (idle < KERNEL_WAIT_US) sums['kernel wait'] += idle;
        else sums.other += idle;
      }
      return Object.entries(sums).map(
        ([what, value]): ScopedNumber => ({ name: `idle of stream ${stream}, ${what}`, value, unit: 'µs' }),
      );
    });
}

/**
 * Bandwidth of copies and memsets by kind, those at the same time added up: the mean and the most over the moments at which
 * it changes and is not 0.
 */
export function bandwidthsByKind(
  { trace, rows, gpuTime }: HtaRows,
  { exact = true, startsFirst = true } = {},
): readonly ScopedNumber[] {
  const { gpu, names } = trace;
  const kinds = new Map<string, { at: number; change: number }[]>();
  for (const row of rows) {
    const name = names.text(gpu.name[row]);
    if (!/^(hip)?Mem(cpy|set)|^dma/.test(name)) continue;
    const kind = name.startsWith('Memset')
      ? 'Memset'
      : name.startsWith('Memcpy')
        ? name.slice(0, 11)
        : 'Memcpy Unknown';
    const moments = kinds.get(kind) ?? [];
    const [start, end] = gpuTime(row);
    const gbPerS = gpu.bandwidth[row];
    if (Number.isNaN(gbPerS)) continue;
    moments.push({ at: start, change: gbPerS }, { at: end === start ? start + 1 : end, change: -gbPerS });
    kinds.set(kind, moments);
  }
  return [...kinds]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([kind, moments]) => {
      moments.sort((a, b) => a.at - b.at || (startsFirst ? b.change - a.change : a.change - b.change));
      let level = 0;
      const levels: number[] = [];
      for (const { change } of moments) {
        level += change;
        // A rest of sums of fractions is not a bandwidth.
        if (level > (exact ? 1e-9 : 0)) levels.push(level);
      }
      if (levels.length === 0) return [];
      const mean = levels.reduce((sum, value) => sum + value, 0) / levels.length;
      return [
        { name: `${kind}, moments`, value: levels.length, unit: 'events' },
        { name: `${kind}, mean`, value: mean, unit: 'GB/s' },
        { name: `${kind}, most`, value: levels.reduce((a, b) => Math.max(a, b)), unit: 'GB/s' },
      ] as const;
    });
}
