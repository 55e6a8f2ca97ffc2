import { rows } from './row.ts';

/** What can be wrong with traces. */
export const traceErrors = rows({
  TRACE_CLIENT: {
    message: 'traces are asked for, and the packages of OpenTelemetry are not installed',
    mend: 'run npm install @opentelemetry/sdk-trace @opentelemetry/exporter-trace-otlp-http @opentelemetry/resources',
    retry: 'never',
    status: 500,
    exit: 3,
  },
  TRACE_EXPORT: {
    message: '{spans} spans have not reached the collector: {reason}',
    mend: 'look at the collector, and at traces.otlp or OTEL_EXPORTER_OTLP_ENDPOINT; nothing else waits for them',
    retry: 'later',
    status: 503,
    exit: 5,
  },
});
