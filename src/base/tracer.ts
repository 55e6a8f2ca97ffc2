import { isHeadraceError } from './errors/fail.ts';
import type { Random } from './rng.ts';
import type { Span, SpanAttributes, SpanKind, TraceContext } from './trace.ts';

export interface TracerOptions {
  /** Receives an ended span. Never throws. */
  readonly sink: (span: Span) => void;
  /** Share of the traces started here that are recorded. */
  readonly sample: number;
  readonly rng: Random;
  /** A monotonic clock, ms: the clock of all span times. */
  readonly monotonic: () => number;
  /** Epoch ms. */
  readonly clock: () => number;
}

/** Creates the spans of sampled traces. A trace outside the sample costs one random number. */
export class Tracer {
  readonly #options: TracerOptions;

  constructor(options: TracerOptions) {
    this.#options = options;
  }

  /** A span that starts a trace, or continues a caller's with its sampling decision; null: not sampled. Hot path. */
  begin(name: string, kind: SpanKind = 'internal', parent: TraceContext | null = null): OpenSpan | null {
    const { sample, rng } = this.#options;
    return (parent === null ? rng() < sample : parent.isSampled) ? this.open(name, kind, parent) : null;
  }

  /** A span that is always recorded: for rare work. */
  open(name: string, kind: SpanKind = 'internal', parent: TraceContext | null = null): OpenSpan {
    return new OpenSpan(this.#options, name, kind, parent, this.#options.monotonic());
  }
}

/** An open span of a recorded trace. Times are of the tracer's monotonic clock, ms. */
export class OpenSpan {
  readonly context: TraceContext;
  readonly #options: TracerOptions;
  readonly #name: string;
  readonly #kind: SpanKind;
  readonly #parent: TraceContext | null;
  readonly #started: number;
  readonly #attributes: Record<string, string | number | boolean> = {};
  #ended = false;

  constructor(options: TracerOptions, name: string, kind: SpanKind, parent: TraceContext | null, started: number) {
    this.context = {
      traceId: parent?.traceId ?? hex(options.rng, 4),
      spanId: hex(options.rng, 2),
      isSampled: true,
    };
    this.#options = options;
    this.#name = name;
    this.#kind = kind;
    this.#parent = parent;
    this.#started = started;
  }

  /** A child span that starts now, or at `started`. */
  child(name: string, started: number = this.#options.monotonic()): OpenSpan {
    return new OpenSpan(this.#options, name, 'internal', this.context, started);
  }

  /** A child span that has ended. */
  past(name: string, started: number, ended: number, attributes: SpanAttributes = {}): void {
    this.child(name, started).set(attributes).end(undefined, ended);
  }

  set(attributes: SpanAttributes): this {
    Object.assign(this.#attributes, attributes);
    return this;
  }

  /** Ends the span, once, with an `error` if there was one. */
  end(error?: unknown, ended: number = this.#options.monotonic()): void {
    if (this.#ended) return;
    this.#ended = true;
    const { sink, clock, monotonic } = this.#options;
    const epochMs = clock() - monotonic();
    sink({
      context: this.context,
      parent: this.#parent,
      name: this.#name,
      kind: this.#kind,
      startMs: epochMs + this.#started,
      endMs: epochMs + ended,
      attributes: this.#attributes,
      error: error === undefined ? null : reasonOf(error),
    });
  }

  /** Ends the span with the result of `work`, now or later. */
  around<T>(work: () => Promise<T>): Promise<T> {
    return work().then(
      (result) => {
        this.end();
        return result;
      },
      (error: unknown) => {
        this.end(error);
        throw error;
      },
    );
  }
}

function reasonOf(error: unknown): string {
  if (isHeadraceError(error)) return error.code;
  return error instanceof Error ? error.name : String(error);
}

/** Random words of 32 bits; not all of them are zero. */
function hex(rng: Random, words: number): string {
  let text = '';
  for (let i = 0; i < words; i += 1)
    text += Math.floor(rng() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  return /[1-9a-f]/.test(text) ? text : hex(rng, words);
}
