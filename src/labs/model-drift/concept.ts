import { labStep } from '../lab.ts';
import { DAY_MS, dayAt, writeOrders } from './orders.ts';
import { lossOf, replayedOrders } from './replayed-orders.ts';

const TRAINED_DAYS = 10;
/** A Saturday. */
const CONCEPT_FROM = 12;
/** The regular training, on all rows until then. */
const MONDAY = 14;
const DAYS = 23;
/** The last days of the replay: each answer has had its time. */
const LAST_FROM = DAYS - 2;

/** The realised loss rises. */
export const concept = labStep({
  id: 'concept',
  title: 'The concept changes',
  asks: 'Features look as before, but now small orders are returned and large ones are kept. Labels come hours later. Change the customers, and choose the answer.',
  act: {
    verb: 'Change the customers',
    effect:
      'Replays the weeks with labels, loss monitors and a playbook: with nobody answering, with the training of the next Monday, and with the playbook.',
  },
  figures: {
    before: { what: 'mean squared error before the change', unit: '' },
    after: { what: 'mean squared error of the same version in the last days', unit: '' },
    found: { what: 'time from the change to the incident', unit: 'days' },
    drifted: { what: 'windows whose features had drifted', unit: '' },
    meanwhile: { what: 'mean squared error from the change to the end, with the playbook', unit: '' },
    versions: { what: 'versions that the playbook trained', unit: '' },
  },
  loss: { what: 'mean squared error of the last days', unit: '' },
  choices: {
    keep: {
      text: 'Watch the features, and keep the version while they look as before',
      shows:
        'In the end the error is {loss}: the features drifted in {drifted} windows, and the loss rose all the same.',
    },
    schedule: {
      text: 'Wait for the regular training on Monday, on all rows',
      shows: 'In the end the error is {loss}: most rows of that training are of the old concept.',
    },
    answer: {
      text: 'Watch the realised loss; train on rows since the change; gate, shadow, canary',
      shows: 'In the end the error is {loss}; before the change it was {before}. The incident came after {found}.',
    },
  },
  measure: async (world) => {
    const path = writeOrders(
      world.folder,
      { days: DAYS, populationFrom: null, conceptFrom: CONCEPT_FROM },
      world.random,
    );
    const common = { trainedDays: TRAINED_DAYS };
    const kept = await replayedOrders(world, path, { ...common, name: 'keep', playbook: 'watch' });
    const onMonday = await replayedOrders(world, path, { name: 'schedule', trainedDays: MONDAY, playbook: 'watch' });
    const answered = await replayedOrders(world, path, { ...common, name: 'answer', playbook: 'act' });
    const opened = answered.log.find(({ action }) => action.includes('conceptDrift'));
    const isDrifted = ({ monitor, drifted }: (typeof kept.windows)[number]) =>
      monitor === 'featureDrift' && drifted.length > 0;
    return {
      figures: {
        before: lossOf(kept, TRAINED_DAYS, CONCEPT_FROM),
        after: lossOf(kept, LAST_FROM, DAYS),
        // Nothing was found: it took longer than the replay.
        found: ((opened?.at ?? dayAt(DAYS)) - dayAt(CONCEPT_FROM)) / DAY_MS,
        drifted: kept.windows.filter(isDrifted).length,
        meanwhile: lossOf(answered, CONCEPT_FROM, DAYS),
        versions: answered.summary.versions.length - 1,
      },
      losses: {
        keep: lossOf(kept, LAST_FROM, DAYS),
        schedule: lossOf(onMonday, LAST_FROM, DAYS),
        answer: lossOf(answered, LAST_FROM, DAYS),
      },
    };
  },
});
