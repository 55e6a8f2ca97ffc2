import { openOtlpSink } from '../backends/otlp/trace-sink.ts';
import { Tracer } from '../base/tracer.ts';
import type { Environment } from '../environment/config.ts';

/** Makes spans, and sends waiting ones when it is closed. */
export interface Traces {
  readonly tracer: Tracer;
  close(): Promise<void>;
}

/** Share of the traces that are recorded where nobody says. */
const SAMPLE = 0.01;

/** Traces of an environment; null where nobody asks for them. Error: TRACE_CLIENT, where the configuration asks. */
export async function openTraces(
  { project, traces }: Environment,
  onFault: (error: unknown) => void,
): Promise<Traces | null> {
  if (traces.otlp === undefined && !variablesAskForTraces()) return null;
  const told = Number(process.env['OTEL_TRACES_SAMPLER_ARG'] || Number.NaN);
  const monotonic = () => performance.now();
  try {
    const sink = await openOtlpSink({ url: traces.otlp ?? null, service: project, onFault, monotonic });
    const tracer = new Tracer({
      sink: (span) => sink.add(span),
      sample: traces.sample ?? (told >= 0 && told <= 1 ? told : SAMPLE),
      rng: Math.random,
      monotonic,
      clock: Date.now,
    });
    return { tracer, close: () => sink.close() };
  } catch (error) {
    // Other programs may have set the variable.
    if (traces.otlp !== undefined) throw error;
    onFault(error);
    return null;
  }
}

/** Whether the variables of OpenTelemetry name a collector. */
function variablesAskForTraces(): boolean {
  const { env } = process;
  const named = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  return !!named && env['OTEL_SDK_DISABLED'] !== 'true' && env['OTEL_TRACES_EXPORTER'] !== 'none';
}
