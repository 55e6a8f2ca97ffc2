/** Where a span stands in its trace (W3C Trace Context, https://www.w3.org/TR/trace-context/). */
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

/** A span that has ended, as plain data. */
export interface Span {
  readonly context: TraceContext;
  /** The span that it is a part of, perhaps of another process; null: it begins the trace. */
  readonly parent: TraceContext | null;
  readonly name: string;
  readonly kind: SpanKind;
  /** Epoch ms, with fractions. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: SpanAttributes;
  /** What went wrong; null where nothing did. */
  readonly error: string | null;
}

/** Version 00, or a later one of which only what 00 has is read. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** The context that a `traceparent` header says; null where it says none. */
export function parseTraceparent(header: string): TraceContext | null {
  const [, version, traceId, spanId, flags, rest] = TRACEPARENT.exec(header) ?? [];
  if (traceId === undefined || spanId === undefined || (version === '00' && rest !== undefined)) return null;
  return { traceId, spanId, isSampled: (Number.parseInt(flags ?? '0', 16) & 1) === 1 };
}
