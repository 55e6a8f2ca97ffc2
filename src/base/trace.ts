/** The place of a span in its trace (W3C Trace Context, https://www.w3.org/TR/trace-context/). */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Whether the trace is recorded. */
  readonly isSampled: boolean;
}

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** Server: answers a caller; internal: a part of it. */
export type SpanKind = 'server' | 'internal';

/** An ended span, as plain data. */
export interface Span {
  readonly context: TraceContext;
  /** The parent span, perhaps of another process; null: the span starts the trace. */
  readonly parent: TraceContext | null;
  readonly name: string;
  readonly kind: SpanKind;
  /** Epoch ms, with fractions. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: SpanAttributes;
  /** The error; null if there was none. */
  readonly error: string | null;
}

/** Version 00, or a later one, of which only the fields of 00 are read. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** The context of a `traceparent` header; null if it has none. */
export function parseTraceparent(header: string): TraceContext | null {
  const [, version, traceId, spanId, flags, rest] = TRACEPARENT.exec(header) ?? [];
  if (traceId === undefined || spanId === undefined || (version === '00' && rest !== undefined)) return null;
  return { traceId, spanId, isSampled: (Number.parseInt(flags ?? '0', 16) & 1) === 1 };
}
