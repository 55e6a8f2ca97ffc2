import type { Read, Timed } from './load.ts';

/** What happened in one stretch of the run. */
export interface Stretch {
  readonly from: number;
  readonly freshnessMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Shares of the reads. */
  readonly degraded: number;
  readonly stale: number;
  readonly unanswered: number;
}

export interface Marked {
  readonly from: number;
  readonly to: number;
  readonly what: string;
}

/** By stretches of this many ms: the greatest freshness of its probes, quantiles and outcomes of its reads. */
export function stretchesOf(
  reads: readonly Read[],
  freshness: readonly Timed[],
  everyMs: number,
  untilMs: number,
): readonly Stretch[] {
  const count = Math.ceil(untilMs / everyMs);
  const place = ({ at }: Timed) => Math.min(count - 1, Math.floor(at / everyMs));
  const [readsBy, probesBy] = [Map.groupBy(reads, place), Map.groupBy(freshness, place)];
  return Array.from({ length: count }, (_, i) => {
    const mine = readsBy.get(i) ?? [];
    const ms = mine.flatMap((read) => (read.outcome === 'no answer' ? [] : [read.ms])).sort((a, b) => a - b);
    const share = (outcome: Read['outcome']) => mine.filter((read) => read.outcome === outcome).length / mine.length;
    return {
      from: i * everyMs,
      freshnessMs: Math.max(...(probesBy.get(i) ?? []).map((probe) => probe.ms)),
      p50Ms: ms[Math.floor(ms.length / 2)] ?? Number.NaN,
      p99Ms: ms[Math.floor(ms.length * 0.99)] ?? Number.NaN,
      degraded: share('degraded'),
      stale: share('stale'),
      unanswered: share('no answer'),
    };
  });
}

const WIDTH = 900;
const LEFT = 70;
const PANEL = 150;
const GAP = 40;
const TOP = 20;
const TICKS_MS = [1, 10, 100, 1_000, 10_000, 100_000];
const COLOURS = {
  freshness: '#1f6feb',
  p99: '#8250df',
  p50: '#bf8700',
  degraded: '#cf222e',
  stale: '#d4a72c',
  unanswered: '#57606a',
};

/** Three panels over the time of the run: freshness, latency (logarithmic), and how answers were marked. */
export function chart(stretches: readonly Stretch[], faults: readonly Marked[], untilMs: number): string {
  const x = (at: number) => LEFT + (at / untilMs) * (WIDTH - LEFT - 10);
  const panels = [0, 1, 2].map((panel) => TOP + panel * (PANEL + GAP));
  const log = (panel: number, ms: number) =>
    (panels[panel] ?? 0) + PANEL * (1 - Math.log10(Math.min(1e5, Math.max(1, ms))) / 5);
  const linear = (panel: number, share: number) => (panels[panel] ?? 0) + PANEL * (1 - share);
  const line = (colour: string, y: (stretch: Stretch) => number) =>
    `<polyline fill="none" stroke="${colour}" stroke-width="1.5" points="${stretches
      .filter((stretch) => Number.isFinite(y(stretch)))
      .map((stretch) => `${x(stretch.from).toFixed(1)},${y(stretch).toFixed(1)}`)
      .join(' ')}"/>`;
  const title = (panel: number, text: string) =>
    `<text x="${LEFT}" y="${(panels[panel] ?? 0) - 6}" font-weight="bold">${text}</text>`;
  const ticks = [0, 1].flatMap((panel) =>
    TICKS_MS.map((ms) => tick(log(panel, ms), ms < 1_000 ? `${ms} ms` : `${ms / 1_000} s`)),
  );
  const shares = [0, 0.5, 1].map((share) => tick(linear(2, share), `${share * 100} %`));
  const bottom = TOP + 3 * PANEL + 2 * GAP;
  const minutes = Array.from({ length: Math.floor(untilMs / 60_000) + 1 }, (_, minute) => {
    const at = x(minute * 60_000).toFixed(1);
    return `<text x="${at}" y="${bottom + 16}" text-anchor="middle">${minute}</text>`;
  });
  const marks = faults.map(
    ({ from, to }, i) =>
      `<rect x="${x(from).toFixed(1)}" y="${TOP}" width="${Math.max(1.5, x(to) - x(from)).toFixed(1)}" height="${bottom - TOP}" fill="#ffd8b5" opacity="0.6"/><text x="${x(from).toFixed(1)}" y="${TOP + 12}" font-weight="bold">${i + 1}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + 40}" font-family="sans-serif" font-size="11" fill="#24292f">
<title>Freshness, latency and marked answers over the run</title>
<rect width="100%" height="100%" fill="#ffffff"/>
${[...marks, ...ticks, ...shares, ...minutes].join('\n')}
${title(0, 'event to servable, the slowest probe')}
${line(COLOURS.freshness, ({ freshnessMs }) => log(0, freshnessMs))}
${title(1, 'read over HTTP: median and p99')}
${line(COLOURS.p50, ({ p50Ms }) => log(1, p50Ms))}
${line(COLOURS.p99, ({ p99Ms }) => log(1, p99Ms))}
${title(2, 'answers that say stale (yellow), degraded (red), and none at all (grey)')}
${line(COLOURS.stale, ({ stale }) => linear(2, stale))}
${line(COLOURS.degraded, ({ degraded }) => linear(2, degraded))}
${line(COLOURS.unanswered, ({ unanswered }) => linear(2, unanswered))}
<text x="${WIDTH / 2}" y="${bottom + 34}" text-anchor="middle">minutes</text>
</svg>
`;
}

function tick(y: number, text: string): string {
  return `<line x1="${LEFT}" x2="${WIDTH - 10}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}" stroke="#d0d7de" stroke-width="0.5"/><text x="${LEFT - 6}" y="${(y + 4).toFixed(1)}" text-anchor="end">${text}</text>`;
}
