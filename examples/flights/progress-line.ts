import type { Headrace } from 'headrace';
import type { LateDeparture } from './declaration.ts';
import type { Part } from './parts.ts';
import type { ReplayProgress } from './replay.ts';

const EVERY_MS = 1_000;
const PLAIN_EVERY_MS = 5_000;
const DAY_MS = 86_400_000;

export interface ProgressOptions {
  readonly headrace: Headrace;
  readonly model: LateDeparture;
  readonly part: Part;
  /** What happens now. */
  readonly doing: () => string;
}

/** Shows where the replay is: one line that renews itself on a terminal, a line every five seconds otherwise. */
export function progressLine({ headrace, model, part, doing }: ProgressOptions) {
  let live: { readonly time: number; readonly flights: number } | null = null;
  let flightsNow = 0;
  const { isTTY } = process.stdout;
  let last = { time: Number.NEGATIVE_INFINITY, flights: 0 };
  /** The last line of the terminal is the progress. */
  let isShown = false;
  const show = (line: string) => {
    isShown = isTTY;
    process.stdout.write(isTTY ? `\r\x1b[K${line.slice(0, process.stdout.columns - 1)}` : `${line}\n`);
  };
  return {
    /** Prints a line above the progress. */
    say: (text: string): void => {
      process.stdout.write(`${isShown ? '\r\x1b[K' : ''}${text}\n`);
      isShown = false;
    },
    /** Live predictions begin: the rest is estimated by their pace. */
    live: (): void => {
      live = { time: performance.now(), flights: flightsNow };
    },
    at: ({ at, flights }: ReplayProgress): void => {
      flightsNow = flights;
      const time = performance.now();
      if (time - last.time < (isTTY ? EVERY_MS : PLAIN_EVERY_MS)) return;
      const perSecond = Number.isFinite(last.time) ? (1_000 * (flights - last.flights)) / (time - last.time) : null;
      last = { time, flights };
      show(
        [
          `${Math.floor((100 * flights) / part.flights)} %`,
          new Date(at).toISOString().slice(0, 16).replace('T', ' '),
          doing(),
          perSecond === null ? null : `${Math.round(2 * perSecond).toLocaleString('en')} events/s`,
          `reads p99 ${micro(headrace.timings.reads.percentile(0.99))}`,
          qualityText(headrace, model, at),
          live === null ? null : remainingText(time - live.time, flights - live.flights, part.flights - flights),
        ]
          .filter((one) => one !== null)
          .join(' · '),
      );
    },
  };
}

/** The rest at the pace until now; null: too little is done to tell. */
function remainingText(passedMs: number, done: number, left: number): string | null {
  if (done < 0.03 * (done + left)) return null;
  const seconds = (passedMs * left) / done / 1_000;
  return `about ${seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`} left`;
}

/** Of the predictions of this day and the day before that have their label. */
function qualityText(headrace: Headrace, model: LateDeparture, at: number): string | null {
  const day = headrace.outcomes(model).quality.between(Math.floor(at / DAY_MS) * DAY_MS - DAY_MS, at);
  return day?.logLoss == null ? null : `log loss ${day.logLoss.toFixed(3)} (base rate ${day.baseLogLoss?.toFixed(3)})`;
}

function micro(ms: number | null): string {
  if (ms === null) return '-';
  return ms < 1 ? `${Math.round(ms * 1_000)} µs` : `${ms.toFixed(1)} ms`;
}
