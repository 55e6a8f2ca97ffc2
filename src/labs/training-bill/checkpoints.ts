import { checkpointInterval } from '../../cost/spot/interval/checkpoint-interval.ts';
import { replayInterval } from '../../cost/spot/interval/replay-interval.ts';
import type { SpotTrace } from '../../cost/spot/trace/spot-trace.ts';
import { traceStatistics, upPeriods } from '../../cost/spot/up-periods.ts';
import { type LabWorld, labStep } from '../lab.ts';
import { HOURS, NODES, PRICE } from './job.ts';
import { drawnMarket, recordedMarket } from './market.ts';

const MINUTE_S = 60;
const HOUR_S = 3_600;

/** The rarest checkpoint of the choices; a market without a longer period would save nothing by it. */
const RARE_S = 2 * HOUR_S;

/** How often to save. */
export const checkpoints = labStep({
  id: 'checkpoints',
  title: 'How often to save',
  asks: 'On spot a loss costs the work since the last checkpoint, and each checkpoint blocks training. Replay the losses, and choose the interval.',
  act: {
    verb: 'Replay the losses',
    effect:
      'Draws the costs of a checkpoint and a restart, and replays each interval over every period of two weeks of the market.',
  },
  figures: {
    blocked: { what: 'time that a checkpoint blocks training', unit: 's' },
    restart: { what: 'time from a loss until work continues', unit: 's' },
    between: { what: 'mean time between losses', unit: 'h' },
    exact: { what: 'interval by the formula', unit: 'min' },
    periods: { what: 'periods that were replayed', unit: '' },
  },
  loss: { what: 'price of the work on spot, with saving and lost work', unit: 'USD' },
  choices: {
    often: {
      text: 'Every five minutes: little work is lost',
      shows: 'The work costs {loss}: every checkpoint blocks training for {blocked}.',
    },
    formula: {
      text: 'By the formula, from both costs and the time between losses',
      shows: 'The work costs {loss} with a checkpoint every {exact}.',
    },
    hourly: { text: 'Every hour', shows: 'The work costs {loss}, with losses every {between}.' },
    rare: {
      text: 'Every two hours: saving is expensive',
      shows: 'The work costs {loss}: a loss takes more work than saving ever did.',
    },
  },
  measure: async ({ folder, random, say }) => {
    const costs = { blockedS: Math.round(5 + 55 * random()), restartS: Math.round(240 + 660 * random()) };
    say('records the market');
    const trace = await marketWithLongPeriods({ folder, random });
    const { mtbfS } = traceStatistics(trace.counts, trace.gapS, NODES);
    const upS = upPeriods(trace.counts, NODES).map(({ ticks }) => ticks * trace.gapS);
    const { exactS } = checkpointInterval({ ...costs, mtbfS: mtbfS ?? 0 });
    say('replays each interval');
    const price = (intervalS: number) =>
      HOURS * NODES * PRICE.spot * replayInterval({ upS, ...costs }, intervalS).wallOverWork;
    return {
      figures: {
        blocked: costs.blockedS,
        restart: costs.restartS,
        between: (mtbfS ?? 0) / HOUR_S,
        exact: exactS / MINUTE_S,
        periods: upS.length,
      },
      losses: { often: price(5 * MINUTE_S), formula: price(exactS), hourly: price(HOUR_S), rare: price(RARE_S) },
    };
  },
});

async function marketWithLongPeriods({ folder, random }: Pick<LabWorld, 'folder' | 'random'>): Promise<SpotTrace> {
  for (;;) {
    const trace = await recordedMarket(folder, drawnMarket(random), random);
    const longest = Math.max(...upPeriods(trace.counts, NODES).map(({ ticks }) => ticks * trace.gapS));
    if (longest > 2 * RARE_S) return trace;
  }
}
