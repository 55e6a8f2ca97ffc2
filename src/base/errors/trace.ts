import { rows } from './row.ts';

/** Errors of traces. */
export const traceErrors = rows({
  TRACE_CLIENT: {
    message: 'tracing is configured, and the OpenTelemetry packages are not installed',
    hint: 'run npm install @opentelemetry/sdk-trace @opentelemetry/exporter-trace-otlp-http @opentelemetry/resources',
    retry: 'never',
    status: 500,
    exit: 3,
  },
  TRACE_EXPORT: {
    message: '{spans} spans did not reach the collector: {reason}',
    hint: 'check the collector, and traces.otlp or OTEL_EXPORTER_OTLP_ENDPOINT; nothing else is affected',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  METRIC_EXPORT: {
    message: 'the metrics did not reach {url}: {reason}',
    hint: 'check metrics.otlp of the environment and that the collector takes OTLP over HTTP; the next report has the same counts',
    retry: 'later',
    status: 503,
    exit: 4,
  },
});
