import { costsOf, measureModes } from '../../running/measure-modes.ts';
import { adviseMode } from '../../serving/advise/mode-advice.ts';
import { labStep } from '../lab.ts';
import { openOffersShop, taken } from './offers-shop.ts';

const DAY_MS = 86_400_000;

/** The cost of a process that waits while nobody does. */
export const nightly = labStep({
  id: 'nightly',
  title: 'Nobody waits for the answer',
  asks: 'Marketing wants a score of every customer each morning, for its e-mails. The team has an online server already, and a stream. Measure a prediction in each mode, and choose.',
  act: {
    verb: 'Measure the modes',
    effect:
      'Trains a model of the shop, and measures the processor time of its predictions by HTTP, as a stream and from a file.',
  },
  figures: {
    perDay: { what: 'predictions a day', unit: '' },
    http: { what: 'HTTP of a million predictions', unit: 'core s' },
    features: { what: 'features of a million predictions', unit: 'core s' },
    model: { what: 'model of a million predictions', unit: 'core s' },
    log: { what: 'log of a million predictions', unit: 'core s' },
    file: { what: 'reading, scoring and writing a file of a million rows', unit: 'core s' },
  },
  loss: { what: 'processor time a day, that of a waiting server included', unit: 'core s' },
  choices: {
    online: {
      text: 'Call the online server for each customer',
      shows: 'It takes {loss} a day: the server waits for calls all day, and HTTP takes {http} for a million of them.',
    },
    streaming: {
      text: 'Send each customer as an event, and let the stream score it',
      shows: 'It takes {loss} a day: the scorer waits for events all day.',
    },
    batch: {
      text: 'A batch job in the night',
      shows: 'It takes {loss} a day, {file} for the file of a million rows; nothing waits.',
    },
  },
  measure: async ({ folder, random, serve, say }) => {
    say('trains two versions');
    const { headrace } = await openOffersShop(folder, random);
    try {
      say('measures a prediction by HTTP, as a stream and from a file');
      const measured = await measureModes(headrace, taken, serve);
      if (measured === null) throw new Error('the history has no offer');
      const perDay = Math.round(500_000 * (1 + random()));
      const facts = { asks: 'known', latencyMs: DAY_MS, freshnessMs: DAY_MS, perDay, labels: 'none' } as const;
      const { verdicts } = adviseMode(facts, costsOf(measured));
      const cost = (mode: string) => verdicts.find((one) => one.mode === mode)?.coreSecondsADay ?? Number.NaN;
      const { http, features, model, log, file } = measured;
      return {
        figures: { perDay, http, features, model, log, file },
        losses: { online: cost('online'), streaming: cost('streaming'), batch: cost('batch') },
      };
    } finally {
      await headrace.close();
    }
  },
});
