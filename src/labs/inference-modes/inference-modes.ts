import type { Lab } from '../lab.ts';
import { killed } from './killed.ts';
import { mixed } from './mixed.ts';
import { nightly } from './nightly.ts';
import { replay } from './replay.ts';

/** The lab of the three ways to serve one model. */
export const inferenceModes: Lab = {
  id: 'inference-modes',
  title: 'Batch, online or streaming',
  question:
    'One model is to score a list every night, a page that somebody waits for, and every event of a topic. Which mode for which, what does each cost, and what breaks when a version changes?',
  page: 'problems/batch-online-streaming',
  steps: [nightly, killed, mixed, replay],
  answer: [
    {
      title: 'Requirements',
      lines: [
        'A list of {nightly.perDay} customers a day, for which nobody waits.',
        'A page of {mixed.offers} offers, whose scores must compare.',
        'A topic whose records have one answer each, also after it is read again.',
      ],
    },
    {
      title: 'Design',
      lines: [
        'The list: {nightly.decision}, at {nightly.loss} a day.',
        'Its output: {killed.decision}.',
        'The page: {mixed.decision}.',
        'The topic: {replay.decision}.',
      ],
    },
    {
      title: 'Trade-offs',
      lines: [
        'A million predictions take {nightly.features} for features, {nightly.model} for the model, {nightly.http} for HTTP and {nightly.log} for the log; a file takes {nightly.file}.',
        'A server that waits is paid for all day. It is worth that where somebody waits, or where features must be of this moment.',
        'Choose the slowest mode that the decision bears: its output can be checked before anybody sees it.',
      ],
    },
    {
      title: 'Failure modes',
      lines: [
        'Over {mixed.promotions} promotions {mixed.loss} of {mixed.pages} pages had scores of two versions, by the chosen way.',
        'Of {replay.records} records, scored first by {replay.versions} versions, {replay.loss} had another answer when the topic was read again. By the newest version scores change by {replay.change}.',
        'A worker was killed with {killed.done} of {killed.rows} rows done: {killed.loss} of them were missing or there twice, and {killed.retries} partitions were begun again.',
        'A consumer that saves its place apart from its output repeats or loses records when it is killed between both.',
      ],
    },
    {
      title: 'Measures',
      lines: [
        'Online: latency from the time that a call was due, and its share beyond the budget.',
        'Streaming: records that wait ({replay.waiting} in the end), dead letters, the version by partition and offset.',
        'Batch: rows per second, dead rows, and the age of the output when it is used.',
      ],
    },
  ],
};
