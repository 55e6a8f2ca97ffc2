import type { Histogram, Registry } from 'prom-client';
import type { Clock } from '../base/time.ts';
import type { FigureRow, OpenFigure, Part } from '../ports/part.ts';

type HistogramFigure = Extract<OpenFigure, { readonly type: 'histogram' }>;

/** The figures that every part has. */
export const partFigures = {
  degraded: {
    name: 'headrace_part_degraded',
    type: 'gauge',
    unit: 'facts',
    labels: ['part'],
    help: 'Faults that a part reports while it works; `GET /v1/status` names them under `degraded`',
    alerts: [
      {
        name: 'HeadraceDegraded',
        expr: 'headrace_part_degraded > 0',
        for: '15m',
        severity: 'ticket',
        summary: 'Part {{ $labels.part }} works, but not as declared. Run `headrace status`.',
      },
    ],
  },
  waiting: {
    name: 'headrace_part_waiting',
    type: 'gauge',
    unit: 'facts',
    labels: ['part'],
    help: 'Missing things of a part that requests need; `GET /readyz` names them under `waiting`',
    alerts: [
      {
        name: 'HeadraceNotReady',
        expr: 'headrace_part_waiting > 0',
        for: '5m',
        severity: 'page',
        summary: 'Part {{ $labels.part }} is not ready. Run `headrace status`.',
      },
    ],
  },
} as const satisfies Readonly<Record<string, FigureRow>>;

let ofProcess: Registry | null = null;

/** The library of metrics, which a project installs. */
type Client = typeof import('prom-client');

/** Memory, processor time and event loop of the process. One for all projects: its observers never end. */
function processRegistry({ Registry, collectDefaultMetrics }: Client): Registry {
  if (ofProcess === null) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

/** The Prometheus text of the figures of all parts. */
export class Prometheus {
  readonly #client: Client;
  readonly #process: Registry;
  readonly #registry: Registry;
  readonly #clock: Clock;

  constructor(client: Client, parts: readonly Part[], clock: Clock) {
    this.#client = client;
    this.#process = processRegistry(client);
    this.#registry = new client.Registry();
    this.#clock = clock;
    for (const part of parts) for (const figure of part.figures()) this.#register(figure);
    const count = (of: (part: Part) => readonly string[]) =>
      parts.map((part) => [{ part: part.name }, of(part).length] as const);
    this.#register({ ...partFigures.degraded, read: (now) => count((part) => part.health(now)) });
    this.#register({ ...partFigures.waiting, read: () => count((part) => part.waiting()) });
  }

  async text(): Promise<{ readonly contentType: string; readonly text: string }> {
    const text = `${await this.#process.metrics()}${await this.#registry.metrics()}`;
    return { contentType: this.#registry.contentType, text };
  }

  #register(figure: OpenFigure): void {
    if (figure.type === 'histogram') {
      this.#registry.registerMetric(countedHistogram(this.#client, figure, this.#clock));
      return;
    }
    const { Counter, Gauge } = this.#client;
    const { name, help, labels, type } = figure;
    const options = { name, help, labelNames: [...labels], registers: [this.#registry] };
    const samples = () => figure.read(this.#clock());
    if (type === 'counter') {
      const counter = new Counter<string>({
        ...options,
        collect: () => {
          counter.reset();
          for (const [labelled, value] of samples()) counter.inc(labelled, value);
        },
      });
    } else {
      const gauge = new Gauge<string>({
        ...options,
        collect: () => {
          gauge.reset();
          for (const [labelled, value] of samples()) gauge.set(labelled, value);
        },
      });
    }
  }
}

/** A Prometheus histogram of durations that a part counted: its buckets are sums over the finer bins of the part. */
function countedHistogram({ Histogram }: Client, figure: HistogramFigure, clock: Clock): Histogram<string> {
  const { name, help, labels, boundsS } = figure;
  // It has name, help and type, which every scrape repeats.
  const empty = new Histogram({ name, help, registers: [] });
  const get = async (): ReturnType<Histogram<string>['get']> => {
    const values = figure.read(clock()).flatMap(([labels, durations]) => {
      const within = durations.within(boundsS.map((bound) => bound * 1_000));
      const bucket = (le: string | number, value: number) => ({
        metricName: `${name}_bucket`,
        labels: { ...labels, le },
        value,
      });
      return [
        ...boundsS.map((bound, i) => bucket(bound, within[i])),
        bucket('+Inf', durations.count),
        { metricName: `${name}_sum`, labels, value: durations.sumMs / 1_000 },
        { metricName: `${name}_count`, labels, value: durations.count },
      ];
    });
    return { ...(await empty.get()), values };
  };
  const counted = new Histogram<string>({ name, help, labelNames: [...labels], registers: [] });
  // prom-client writes the text of a scrape from the second.
  return Object.assign(counted, { get, getForPromString: get });
}
