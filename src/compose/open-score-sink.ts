import { postSigned } from '../backends/alert-sinks/webhook.ts';
import { outputFilesSink } from '../backends/embedded/scores/output-files.ts';
import type { SinkSpec } from '../features/define/score-sink.ts';
import type { ScoreBatch, ScoreSink } from '../ports/score-sink.ts';
import { secretOf } from './secrets.ts';

/** Version of the body of a webhook. */
const FORMAT = 1;

/** Opens a sink of a stream; nothing is sent yet. Error: CONFIG_SECRET. */
export function openScoreSink(stream: string, name: string, spec: SinkSpec): ScoreSink {
  if (spec.kind === 'files') return outputFilesSink(spec.directory);
  const secretIn = (named: { readonly env: string }, option: string) =>
    secretOf(named, `sinks.${name}.${option} of stream ${stream}`);
  const { url, secret, timeoutMs } = spec;
  const options = {
    url: typeof url === 'string' ? url : secretIn(url, 'url'),
    secret: secret === null ? null : secretIn(secret, 'secret'),
    timeoutMs,
  };
  return {
    isExact: false,
    send: (batch, signal) => postSigned(options, { key: batch.key, at: batch.at, body: bodyOf(batch) }, signal),
  };
}

/** `{ format, key, stream, partition, outputs }`. */
function bodyOf({ key, stream, partition, outputs }: ScoreBatch): string {
  const head = JSON.stringify({ format: FORMAT, key, stream, partition });
  return `${head.slice(0, -1)},"outputs":[${outputs.join(',')}]}`;
}
