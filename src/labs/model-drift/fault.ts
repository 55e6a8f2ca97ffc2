import { randomBelow } from '../../base/rng.ts';
import { labStep } from '../lab.ts';
import { dayAt, writeOrders } from './orders.ts';
import { lossOf, replayedOrders } from './replayed-orders.ts';

const TRAINED_DAYS = 10;
const FAULT_FROM = 12;
/** The first window with the fault is over. */
const SEEN = 13;
const DAYS = 17;

/** A source sends cents, or counts minutes. */
const FACTORS = [100, 60] as const;

/** A broken source is no drift. */
export const fault = labStep({
  id: 'fault',
  title: 'A source breaks',
  asks: 'One morning a source sends amounts in another unit, and scores move. Spoil the source, look at the first window, and choose the answer.',
  act: {
    verb: 'Spoil the source',
    effect: 'Multiplies amounts of the source from one morning on, and replays the days after it with each answer.',
  },
  figures: {
    factor: { what: 'factor of the spoiled amounts', unit: '' },
    before: { what: 'mean squared error before', unit: '' },
    during: { what: 'mean squared error in the first window with the fault', unit: '' },
    named: { what: 'windows that the monitor names a fault, and no drift', unit: '' },
  },
  loss: { what: 'mean squared error of the days after the first window', unit: '' },
  choices: {
    retrain: {
      text: 'Retrain at once with the newest rows',
      shows:
        'A version trained with the spoiled rows has an error of {loss}; before it was {before}. It learned another unit, and the source still sends it.',
    },
    repair: {
      text: 'Repair the source, and learn nothing from its rows until then',
      shows: 'With the source repaired after the first window the error is {loss}; before it was {before}.',
    },
    wait: {
      text: 'Raise the limit of the alarm, and wait',
      shows: 'The same version has an error of {loss} while the source stays as it is; before it was {before}.',
    },
  },
  measure: async (world) => {
    const factor = FACTORS[randomBelow(world.random, FACTORS.length)];
    const path = writeOrders(world.folder, { days: DAYS, populationFrom: null, conceptFrom: null }, world.random);
    const replayed = (name: string, trainedDays: number, untilDay: number) =>
      replayedOrders(world, path, {
        ...{ name, trainedDays, playbook: 'watch' },
        injections: [{ kind: 'unit', feature: 'amount', factor, from: dayAt(FAULT_FROM), to: dayAt(untilDay) }],
      });
    const waited = await replayed('wait', TRAINED_DAYS, DAYS);
    const repaired = await replayed('repair', TRAINED_DAYS, SEEN);
    const retrained = await replayed('retrain', SEEN, DAYS);
    return {
      figures: {
        factor,
        before: lossOf(waited, TRAINED_DAYS, FAULT_FROM),
        during: lossOf(waited, FAULT_FROM, SEEN),
        named: waited.windows.filter(({ faults }) => faults.some(({ columns }) => columns.includes('amount'))).length,
      },
      losses: {
        retrain: lossOf(retrained, SEEN, DAYS),
        repair: lossOf(repaired, SEEN, DAYS),
        wait: lossOf(waited, SEEN, DAYS),
      },
    };
  },
});
