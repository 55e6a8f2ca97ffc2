import { cpus } from 'node:os';

/** A check of a run, with its finding. */
export interface Check {
  readonly name: string;
  readonly passed: boolean;
  readonly found: string;
}

/** What an example found: the naive way, ours, and figures. */
export interface ModeSummary {
  readonly mode: 'online' | 'streaming' | 'batch';
  readonly data: string;
  /** Predictions that figures are about. */
  readonly predictions: number;
  /** Processor time of a million predictions, core seconds; NaN: this system does not say. */
  readonly coreSeconds: number;
  /** From the question to its answer, ms. */
  readonly latency: { readonly p50: number; readonly p99: number };
  readonly perSecond: number;
  /** In full sentences: how the naive way failed. */
  readonly naive: readonly string[];
  readonly checks: readonly Check[];
  readonly machine: string;
}

/** What a mode measures of itself. */
export type Measured = Omit<ModeSummary, 'data' | 'machine'>;

export function check(name: string, passed: boolean, found: string): Check {
  return { name, passed, found };
}

/** Cores and processor of this machine. */
export function machineText(): string {
  return `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`;
}

/** Median and p99 of durations. */
export function latencyOf(ms: readonly number[]): ModeSummary['latency'] {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}

/** The summary for people. */
export function summaryText(summary: ModeSummary): string {
  const { mode, data, predictions, coreSeconds, latency, perSecond, naive, checks, machine } = summary;
  const number = (value: number) => Number(value.toPrecision(3)).toLocaleString('en');
  const cost = Number.isNaN(coreSeconds) ? 'not measured on this system' : `${number(coreSeconds)} core s`;
  return [
    `${mode} inference of ${predictions.toLocaleString('en')} flights (${data})`,
    'the naive way:',
    ...naive.map((line) => `  ✗ ${line}`),
    'with Headrace:',
    ...checks.map(({ name, passed, found }) => `  ${passed ? '✓' : '✗ FAILED:'} ${name}: ${found}`),
    `on ${machine}: a million predictions cost ${cost}; ${number(perSecond)} predictions/s;`,
    `  from question to answer ${number(latency.p50)} ms (median), ${number(latency.p99)} ms (p99)`,
  ].join('\n');
}
