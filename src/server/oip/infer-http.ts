import type { OpenSpan } from '../../base/tracer.ts';
import type { ModelHost } from '../../serving/oip/model-host.ts';
import { parseInfer } from '../../serving/oip/parse-infer.ts';
import { type InferredBytes, writeInfer } from '../../serving/oip/write-infer.ts';
import type { InferCaller, InferReply } from '../../versions/request/infer-request.ts';
import { refuse } from '../../versions/request/refuse.ts';

/** The header with which a caller says how long it waits, ms. */
export const TIMEOUT_HEADER = 'headrace-timeout-ms';

export interface InferHttp extends InferCaller {
  readonly model: string;
  readonly version: string;
  /** The header inference-header-content-length. */
  readonly headerLength: string | null;
  /** Without coding. */
  readonly body: Uint8Array;
  /** Its JSON, where that is read already. */
  readonly json?: unknown;
  /** JSON values that the body may have, where that is less than of any body. */
  readonly mostValues?: number;
  /** The span of the request; null: not traced. */
  readonly trace: OpenSpan | null;
}

/** Answers an inference request whose body is there. Errors: those of the model host. Hot path. */
export async function inferHttp(host: ModelHost, asked: InferHttp): Promise<InferredBytes> {
  const { model, version, headerLength, body, json, mostValues } = asked;
  // A model that is absent is that, whatever the body; a raw body is understood by the inputs of its model.
  const served = host.findLoaded(model, version) ?? (await host.find(model, version, asked.deadline));
  const inputsOf = () => served.signature.inputs;
  // Without a version the host chooses: by the cohort of the caller, where a rollout is under way.
  const named = version === '' ? '' : served.version;
  const request = parseInfer({
    model,
    version: named,
    headerLength,
    body,
    json,
    inputsOf,
    memory: host.sharedMemory,
    ...(mostValues === undefined ? {} : { mostValues }),
  });
  const reply = await host.infer(request, asked);
  if (asked.trace !== null) traceReply(asked.trace, reply);
  return { ...writeInfer(request, reply, host.sharedMemory), timing: timingOf(reply) };
}

/** The time in the queue and of the run as spans, which ended just now. */
function traceReply(trace: OpenSpan, { model, version, queueMs, computeMs }: InferReply): void {
  const ended = performance.now();
  const began = ended - computeMs;
  trace.past('queue', began - queueMs, began);
  trace.past('inference', began, ended, { 'headrace.model': model, 'headrace.version': version });
}

/** Time in the queue and of the run, as the header server-timing says it. */
function timingOf({ queueMs, computeMs }: InferReply): string {
  return `queue;dur=${queueMs.toFixed(3)}, compute;dur=${computeMs.toFixed(3)}`;
}

/** Until when a caller waits, by its own header. Error: OIP_REQUEST. */
export function deadlineOf(text: string | null): number {
  if (text === null) return Number.POSITIVE_INFINITY;
  if (!/^\d{1,9}(\.\d{1,6})?$/.test(text)) throw refuse(`${TIMEOUT_HEADER} '${text.slice(0, 40)}' is no number of ms`);
  return performance.now() + Number(text);
}
