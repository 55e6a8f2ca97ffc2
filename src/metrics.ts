import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Headrace } from './headrace.ts';

/** Prometheus metrics of a running project. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #reads: Histogram<'service'>;
  readonly #readsOf = new Map<string, Histogram.Internal<'service'>>();

  constructor(headrace: Headrace) {
    collectDefaultMetrics({ register: this.#registry });
    this.#reads = new Histogram({
      name: 'headrace_vector_read_seconds',
      help: 'Time of a feature vector read, by service',
      labelNames: ['service'],
      buckets: [0.00001, 0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 1],
      registers: [this.#registry],
    });
    const events = new Counter({
      name: 'headrace_events_total',
      help: 'Events since the start, by source and what became of them',
      labelNames: ['source', 'outcome'],
      registers: [this.#registry],
      collect: () => {
        events.reset();
        for (const source of headrace.project.sources) {
          const { gateway, admission } = headrace.counters(source);
          for (const [outcome, count] of Object.entries({
            sent: gateway.sent,
            refused: gateway.refused,
            quarantined: gateway.quarantined,
            ...admission,
          })) {
            events.inc({ source: source.name, outcome }, count);
          }
        }
      },
    });
    const outcomes = new Gauge({
      name: 'headrace_predictions',
      help: 'Predictions and labels since the start, by model and what became of them',
      labelNames: ['model', 'outcome'],
      registers: [this.#registry],
      collect: () => {
        for (const model of headrace.project.models) {
          for (const [outcome, count] of Object.entries(headrace.outcomes(model).counters))
            outcomes.set({ model: model.name, outcome }, count);
        }
      },
    });
  }

  /** Notes a read of a service's vector. */
  read(service: string, ms: number): void {
    let reads = this.#readsOf.get(service);
    if (reads === undefined) {
      reads = this.#reads.labels({ service });
      this.#readsOf.set(service, reads);
    }
    reads.observe(ms / 1_000);
  }

  async text(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}
