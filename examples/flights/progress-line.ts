import type { Headrace } from 'headrace';
import { lateDeparture } from './declaration.ts';
import type { ReplayProgress } from './replay.ts';

const EVERY_MS = 1_000;
const DAY_MS = 86_400_000;

/** Shows where the replay is, once a second: rewritten in place on a terminal, a line each otherwise. */
export function progressLine(headrace: Headrace): (progress: ReplayProgress) => void {
  let last = { time: performance.now(), flights: 0, predictions: 0 };
  return ({ at, flights, predictions }) => {
    const time = performance.now();
    if (time - last.time < EVERY_MS) return;
    const seconds = (time - last.time) / 1_000;
    const { reads, freshness } = headrace.timings;
    const day = headrace.outcomes(lateDeparture).quality.between(Math.floor(at / DAY_MS) * DAY_MS - DAY_MS, at);
    const parts = [
      new Date(at).toISOString().slice(0, 16).replace('T', ' '),
      `${rate((2 * (flights - last.flights)) / seconds)} events/s`,
      `${rate((predictions - last.predictions) / seconds)} predictions/s`,
      `read p50 ${micro(reads.percentile(0.5))} p99 ${micro(reads.percentile(0.99))}`,
      `fresh p99 ${micro(freshness.percentile(0.99))}`,
      day?.auc == null
        ? 'no model yet'
        : `day's AUC ${day.auc.toFixed(3)}, log loss ${day.logLoss?.toFixed(3)} (base rate ${day.baseLogLoss?.toFixed(3)})`,
    ];
    const line = parts.join(' · ');
    if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${line}`);
    else console.log(line);
    last = { time, flights, predictions };
  };
}

function rate(perSecond: number): string {
  return Math.round(perSecond).toLocaleString('en');
}

function micro(ms: number | null): string {
  if (ms === null) return '-';
  return ms < 1 ? `${Math.round(ms * 1_000)} µs` : `${ms.toFixed(1)} ms`;
}
