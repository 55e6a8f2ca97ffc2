import { webhookScores } from '../../backends/alert-sinks/score-webhook.ts';
import { fileScores } from '../../backends/embedded/scores/back-end.ts';
import type { SinkSpec } from '../../features/define/score-sink.ts';
import { type BackEndTable, openRow } from '../../ports/back-end-row.ts';
import type { ScoreSink } from '../../ports/score-sink.ts';
import type { ScoreSinkFact, ScoreSinkPlace } from '../../ports/score-sink-back-end.ts';
import { secretOf } from '../secrets.ts';

export const scoreSinks: BackEndTable<SinkSpec, ScoreSinkPlace, ScoreSink, ScoreSinkFact> = {
  webhook: webhookScores,
  files: fileScores,
};

/** Opens a sink of a stream; nothing is sent yet. Error: CONFIG_SECRET. */
export function openScoreSink(stream: string, name: string, spec: SinkSpec): ScoreSink {
  return openRow(scoreSinks, spec, {
    secretIn: (named, option) => secretOf(named, `sinks.${name}.${option} of stream ${stream}`),
  });
}
