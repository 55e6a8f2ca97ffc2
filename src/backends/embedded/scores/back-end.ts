import type { SinkSpec } from '../../../features/define/score-sink.ts';
import type { BackEndRow } from '../../../ports/back-end-row.ts';
import type { ScoreSink } from '../../../ports/score-sink.ts';
import type { ScoreSinkFact, ScoreSinkPlace } from '../../../ports/score-sink-back-end.ts';
import { outputFilesSink } from './output-files.ts';

/** Scores of a stream as files. */
export const fileScores: BackEndRow<Extract<SinkSpec, { kind: 'files' }>, ScoreSinkPlace, ScoreSink, ScoreSinkFact> = {
  kind: 'files',
  folder: 'embedded',
  is: 'files of JSON lines in a folder',
  options: null,
  facts: ['exact'],
  open: ({ directory }) => outputFilesSink(directory),
};
