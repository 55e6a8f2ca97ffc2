import { fail } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import type { Clock } from '../base/time.ts';
import type { Part } from '../ports/part.ts';
import { otlpMetrics } from './otlp-metrics.ts';

export interface MetricExportOptions {
  readonly parts: readonly Part[];
  /** Base URL of a collector. */
  readonly url: string;
  readonly everyMs: number;
  /** `service.name`. */
  readonly service: string;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

const LONGEST_MS = 10_000;

/** Sends the figures of all parts to an OpenTelemetry collector, over OTLP/HTTP in JSON. */
export class MetricExport {
  readonly #options: MetricExportOptions;
  readonly #startedAt: number;
  #sentAt = Number.NEGATIVE_INFINITY;
  #sending = false;
  #failed = false;

  constructor(options: MetricExportOptions) {
    this.#options = options;
    this.#startedAt = options.clock();
  }

  /** Sends in the background if it is due. A failure is reported once while it lasts: counts are cumulative, so that nothing is lost. */
  tick(monotonicMs: number): void {
    if (this.#sending || monotonicMs - this.#sentAt < this.#options.everyMs) return;
    this.#sentAt = monotonicMs;
    this.#sending = true;
    this.send()
      .then(
        () => {
          this.#failed = false;
        },
        (error: unknown) => {
          if (!this.#failed) this.#options.onFault(error);
          this.#failed = true;
        },
      )
      .finally(() => {
        this.#sending = false;
      });
  }

  /** Error: METRIC_EXPORT. */
  async send(): Promise<void> {
    const { parts, url, service, clock } = this.#options;
    const target = `${url}${url.endsWith('/') ? '' : '/'}v1/metrics`;
    const body = JSON.stringify(otlpMetrics(parts, clock(), { service, startedAt: this.#startedAt }));
    try {
      const headers = { 'content-type': 'application/json' };
      const signal = AbortSignal.timeout(LONGEST_MS);
      const answer = await fetch(target, { method: 'POST', headers, body, signal, redirect: 'error' });
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`it answers ${answer.status}`);
    } catch (error) {
      throw fail('METRIC_EXPORT', { url: target, reason: reasonOf(error) }, error);
    }
  }
}
