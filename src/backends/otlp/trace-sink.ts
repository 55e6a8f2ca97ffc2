import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { fail } from '../../base/errors/fail.ts';
import type { Span, TraceContext } from '../../base/trace.ts';
import type { TraceSink } from '../../ports/trace-sink.ts';

export interface OtlpOptions {
  /** Base URL of the collector; null: as the variables of OpenTelemetry say. */
  readonly url: string | null;
  /** `service.name`, unless the variables say another. */
  readonly service: string;
  /** Called when spans did not arrive, at most once a minute. */
  readonly onFault: (error: unknown) => void;
  /** Monotonic, ms. */
  readonly monotonic: () => number;
}

/** How long the last spans may take at the end, ms. */
const CLOSING_MS = 3_000;
const FAULT_EVERY_MS = 60_000;

/**
 * Sends spans to an OpenTelemetry collector: OTLP over HTTP, JSON, in batches, again where the collector says so. Loads the
 * packages of OpenTelemetry, which read its variables (OTEL_EXPORTER_OTLP_*, OTEL_RESOURCE_ATTRIBUTES, …). Error: TRACE_CLIENT.
 */
export async function openOtlpSink(options: OtlpOptions): Promise<TraceSink> {
  const { sdk, otlp, resources } = await loadClient();
  const { url, service } = options;
  const exporter = new otlp.OTLPTraceExporter(url === null ? {} : { url: `${url.replace(/\/+$/, '')}/v1/traces` });
  const resource = resources
    .resourceFromAttributes({ 'service.name': service, 'telemetry.sdk.language': 'nodejs' })
    .merge(resources.detectResources({ detectors: [resources.envDetector] }));
  const batches = new sdk.BatchSpanProcessor({ exporter: told(exporter, options) });
  return {
    add: (span) => batches.onEnd(readable(span, resource)),
    close: async () => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSING_MS);
      });
      // The exporter has reported the error.
      await Promise.race([batches.shutdown().catch(() => undefined), late]);
      clearTimeout(timer);
    },
  };
}

async function loadClient() {
  try {
    const [sdk, otlp, resources] = await Promise.all([
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
    return { sdk, otlp, resources };
  } catch (error) {
    throw fail('TRACE_CLIENT', {}, error);
  }
}

/** The exporter, which tells when spans did not arrive: by itself it would drop them in silence. */
function told(exporter: SpanExporter, { onFault, monotonic }: OtlpOptions): SpanExporter {
  let lost = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.error !== undefined) {
          lost += spans.length;
          if (monotonic() - toldAt >= FAULT_EVERY_MS) {
            toldAt = monotonic();
            onFault(fail('TRACE_EXPORT', { spans: lost, reason: result.error.message }, result.error));
            lost = 0;
          }
        }
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
  };
}

/** Numbers of OpenTelemetry: SpanKind INTERNAL and SERVER, StatusCode UNSET and ERROR, TraceFlags SAMPLED. */
const KINDS = { internal: 0, server: 1 } as const;
const [UNSET, ERROR, SAMPLED] = [0, 2, 1] as const;

function readable(span: Span, resource: ReadableSpan['resource']): ReadableSpan {
  const { context, parent, name, kind, startMs, endMs, attributes, error } = span;
  const own = contextOf(context, false);
  return {
    name,
    kind: KINDS[kind],
    spanContext: () => own,
    ...(parent === null ? {} : { parentSpanContext: contextOf(parent, kind === 'server') }),
    startTime: timeOf(startMs),
    endTime: timeOf(endMs),
    duration: timeOf(endMs - startMs),
    status: error === null ? { code: UNSET } : { code: ERROR, message: error },
    attributes: error === null ? attributes : { ...attributes, 'error.type': error },
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: { name: 'headrace' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function contextOf({ traceId, spanId }: TraceContext, isRemote: boolean) {
  return { traceId, spanId, traceFlags: SAMPLED, isRemote };
}

/** Seconds and nanoseconds. */
function timeOf(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.min(999_999_999, Math.round((ms - seconds * 1_000) * 1e6))];
}
