import type { SinkSpec } from '../../features/define/score-sink.ts';
import type { BackEndRow } from '../../ports/back-end-row.ts';
import type { ScoreBatch, ScoreSink } from '../../ports/score-sink.ts';
import type { ScoreSinkFact, ScoreSinkPlace } from '../../ports/score-sink-back-end.ts';
import { postSigned } from './webhook.ts';

/** Version of the body of a webhook. */
const FORMAT = 1;

/** Scores of a stream as signed POST requests. Error: CONFIG_SECRET. */
export const webhookScores: BackEndRow<
  Extract<SinkSpec, { kind: 'webhook' }>,
  ScoreSinkPlace,
  ScoreSink,
  ScoreSinkFact
> = {
  kind: 'webhook',
  folder: 'alert-sinks',
  is: 'signed POST requests, each sent until it is accepted',
  options: null,
  facts: [],
  open: ({ url, secret, timeoutMs }, { secretIn }) => {
    const options = {
      url: typeof url === 'string' ? url : secretIn(url, 'url'),
      secret: secret === null ? null : secretIn(secret, 'secret'),
      timeoutMs,
    };
    return {
      isExact: false,
      send: (batch, signal) => postSigned(options, { key: batch.key, at: batch.at, body: bodyOf(batch) }, signal),
    };
  },
};

/** `{ format, key, stream, partition, outputs }`. */
function bodyOf({ key, stream, partition, outputs }: ScoreBatch): string {
  const head = JSON.stringify({ format: FORMAT, key, stream, partition });
  return `${head.slice(0, -1)},"outputs":[${outputs.join(',')}]}`;
}
