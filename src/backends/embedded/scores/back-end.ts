import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { SinkSpec } from '../../../features/define/score-sink.ts';
import { replaceFile } from '../../../files/replace-file.ts';
import type { SinkAnswer } from '../../../ports/alert-sink.ts';
import type { BackEndRow } from '../../../ports/back-end-row.ts';
import type { ScoreBatch, ScoreSink } from '../../../ports/score-sink.ts';
import type { ScoreSinkFact, ScoreSinkPlace } from '../../../ports/score-sink-back-end.ts';

/** Scores of a stream as files. */
export const fileScores: BackEndRow<Extract<SinkSpec, { kind: 'files' }>, ScoreSinkPlace, ScoreSink, ScoreSinkFact> = {
  kind: 'files',
  folder: 'embedded',
  is: 'files of JSON lines in a folder',
  options: null,
  facts: ['exact'],
  open: ({ directory }) => outputFilesSink(directory),
};

/** Digits of a place in a file's name: names sort as places do. */
const DIGITS = 16;

/**
 * Writes each batch as a file of JSON lines, `<stream>-<partition>-<place of the first>.jsonl`. A batch that is written again begins at the
 * same place and replaces the file: each output is in the folder once.
 */
function outputFilesSink(directory: string): ScoreSink {
  return {
    isExact: true,
    send: async (batch): Promise<SinkAnswer> => {
      try {
        writeBatch(directory, batch);
        return { kind: 'accepted' };
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
        return { kind: 'later', reason: `the file cannot be written: ${code}`, afterMs: null };
      }
    },
  };
}

function writeBatch(directory: string, { stream, partition, from, outputs }: ScoreBatch): void {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${stream}-${partition}-${String(from).padStart(DIGITS, '0')}.jsonl`);
  const content = Buffer.from(`${outputs.join('\n')}\n`);
  // A process that woke up late has fewer outputs of the place.
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) < content.byteLength) replaceFile(path, content);
}
