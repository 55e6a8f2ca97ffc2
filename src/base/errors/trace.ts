import { later, never } from './row.ts';

/** Errors of traces. */
export const traceErrors = {
  TRACE_CLIENT: never(500, 3)
    .message('tracing is configured, and the OpenTelemetry packages are not installed')
    .hint('run npm install @opentelemetry/sdk-trace @opentelemetry/exporter-trace-otlp-http @opentelemetry/resources'),
  TRACE_EXPORT: later(503, 5)
    .message('{spans} spans did not reach the collector: {reason}')
    .hint('check the collector, and traces.otlp or OTEL_EXPORTER_OTLP_ENDPOINT; nothing else is affected'),
  METRIC_EXPORT: later(503, 4)
    .message('the metrics did not reach {url}: {reason}')
    .hint(
      'check metrics.otlp of the environment and that the collector takes OTLP over HTTP; the next report has the same counts',
    ),
};
