import type { OpenSpan } from '../../base/tracer.ts';
import type { IngestSteps } from './gateway.ts';
import { type IngestReport, loggedIn } from './ingest-report.ts';

/** Makes the parts of a span of one call of the gateway: the log, then the tiles. Times of several partitions are added up. */
export class IngestTrace implements IngestSteps {
  readonly #span: OpenSpan;
  #began = Number.NaN;
  #mark = Number.NaN;
  #appendMs = 0;
  #takeMs = 0;

  constructor(span: OpenSpan) {
    this.#span = span;
  }

  began(): void {
    this.#began = performance.now();
    this.#mark = this.#began;
  }

  appended(): void {
    this.#appendMs += this.#passed();
  }

  taken(): void {
    this.#takeMs += this.#passed();
  }

  /** Notes the parts, once the call is over. */
  end(report: IngestReport): void {
    const { accepted, duplicate, late, pending, refused } = report;
    this.#span.set({
      'headrace.accepted': accepted,
      'headrace.duplicate': duplicate,
      'headrace.late': late,
      'headrace.pending': pending,
      'headrace.refused': refused.length,
    });
    if (loggedIn(report) === 0) return;
    // A log that answers later hands its batches on by itself.
    if (this.#takeMs === 0) this.taken();
    const appended = this.#began + this.#appendMs;
    this.#span.past('log append', this.#began, appended);
    this.#span.past('materialise', appended, appended + this.#takeMs);
  }

  #passed(): number {
    const before = this.#mark;
    this.#mark = performance.now();
    return this.#mark - before;
  }
}
