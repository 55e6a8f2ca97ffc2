import { isHeadraceError } from './errors/fail.ts';
import type { Random } from './rng.ts';
import type { Span, SpanAttributes, SpanKind, TraceContext } from './trace.ts';

export interface TracerOptions {
  /** Takes a span that has ended. Never throws. */
  readonly sink: (span: Span) => void;
  /** Share of traces that begin here and are recorded. */
  readonly sample: number;
  readonly rng: Random;
  /** A monotonic clock, ms: that of the times that spans are given. */
  readonly monotonic: () => number;
  /** Epoch ms. */
  readonly clock: () => number;
}

/** Makes the spans of a sample of the traces. What is not of it costs one random number. */
export class Tracer {
  readonly #options: TracerOptions;

  constructor(options: TracerOptions) {
    this.#options = options;
  }

  /** A span that begins a trace, or goes on with a caller's, whose choice counts; null: not of the sample. Hot path. */
  begin(name: string, kind: SpanKind = 'internal', parent: TraceContext | null = null): OpenSpan | null {
    const { sample, rng } = this.#options;
    return (parent === null ? rng() < sample : parent.isSampled) ? this.open(name, kind, parent) : null;
  }

  /** A span that is recorded whatever the sample: of what is rare. */
  open(name: string, kind: SpanKind = 'internal', parent: TraceContext | null = null): OpenSpan {
    return new OpenSpan(this.#options, name, kind, parent, this.#options.monotonic());
  }
}

/** A span of a recorded trace while what it measures goes on. Times are of the tracer's monotonic clock, ms. */
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

  /** A part of this, from now on, or from `started`. */
  child(name: string, started: number = this.#options.monotonic()): OpenSpan {
    return new OpenSpan(this.#options, name, 'internal', this.context, started);
  }

  /** A part of this that is over. */
  past(name: string, started: number, ended: number, attributes: SpanAttributes = {}): void {
    this.child(name, started).set(attributes).end(undefined, ended);
  }

  set(attributes: SpanAttributes): this {
    Object.assign(this.#attributes, attributes);
    return this;
  }

  /** Ends it, once; `error` is what went wrong. */
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

  /** Ends it with what `work` comes to, now or later. */
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
