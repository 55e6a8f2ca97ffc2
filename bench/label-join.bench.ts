import { IdBudget } from '../src/monitoring/labels/known-ids.ts';
import { LabelJoin } from '../src/monitoring/labels/label-join.ts';
import { RealisedQuality } from '../src/monitoring/labels/realised-quality.ts';
import { MemoryWaitingIds } from '../test/memory/waiting-ids.ts';
import { printFigure } from './figure.ts';
import { measureRates } from './measure.ts';

/**
 * Predictions that get their labels 500 predictions later, 18,000 a day, each kept for two days, against the same pairs
 * met in a bare Map that forgets nothing and keeps no account.
 */
const PAIRS = 300_000;
const EVERY_MS = 4_800;
const DELAY = 500;
const ids = Array.from({ length: PAIRS }, (_, i) => `flight-${i}`);

const rates = await measureRates(
  {
    join: {
      operations: PAIRS,
      run: () => {
        const quality = new RealisedQuality({ task: 'binary', quantile: null });
        const join = new LabelJoin({
          store: new MemoryWaitingIds(),
          budget: new IdBudget(Number.POSITIVE_INFINITY),
          withinMs: 2 * 86_400_000,
          latenessMs: 3_600_000,
          otherwise: null,
          predicted: (prediction) => quality.predicted(prediction),
          judged: (prediction) => quality.judged(prediction),
          unlabelled: (prediction) => quality.unlabelled(prediction),
        });
        for (let i = 0; i < PAIRS + DELAY; i += 1) {
          if (i < PAIRS) join.predict(ids[i], i * EVERY_MS, 1, (i % 997) / 997);
          if (i >= DELAY) join.label(ids[i - DELAY], i * EVERY_MS, i % 5 === 0 ? 1 : 0);
          if (i % 12 === 0) join.expire(i * EVERY_MS);
        }
        if (join.counters.labelled !== PAIRS) throw new Error(`${join.counters.labelled} of ${PAIRS} were labelled`);
      },
    },
    map: {
      operations: PAIRS,
      run: () => {
        const waiting = new Map<string, number>();
        let met = 0;
        for (let i = 0; i < PAIRS + DELAY; i += 1) {
          if (i < PAIRS) waiting.set(ids[i], (i % 997) / 997);
          if (i >= DELAY && waiting.get(ids[i - DELAY]) !== undefined) met += 1;
        }
        if (met !== PAIRS) throw new Error(`${met} of ${PAIRS} met`);
      },
    },
  },
  { rounds: 5 },
);

printFigure({
  name: 'predictions joined with their labels, accounted for and collected by day',
  unit: 'pairs/s',
  value: rates.join,
  yardstick: 'a bare Map',
  yardstickValue: rates.map,
  aim: { of: 'value', atLeast: 300_000 },
});
