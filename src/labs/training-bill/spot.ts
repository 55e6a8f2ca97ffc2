import { greedy } from '../../cost/spot/policies/greedy.ts';
import { hybrid } from '../../cost/spot/policies/hybrid.ts';
import { onDemand } from '../../cost/spot/policies/on-demand.ts';
import { spotOnly } from '../../cost/spot/policies/spot-only.ts';
import { type PolicyOutcome, type Simulation, simulate } from '../../cost/spot/simulate.ts';
import { labStep } from '../lab.ts';
import { billUsd, HOURS, NODES, PRICE } from './job.ts';
import { drawnMarket, recordedMarket } from './market.ts';

const policies = { onDemand, spotOnly, greedy, hybrid } as const;

/** From a start on new instances until work continues, s. */
const CHANGEOVER_S = 720;
const HOUR_S = 3_600;

/** Mean cost of a start; one that misses its deadline is bought again on demand. */
function costOf(
  { costs, finished, missedShare }: PolicyOutcome,
  { statistics }: Simulation,
  deadlineH: number,
): number {
  const paid =
    finished === 0
      ? deadlineH * statistics.upShare * NODES * PRICE.spot
      : costs.reduce((sum, cost) => sum + cost, 0) / finished;
  return paid + missedShare * billUsd(HOURS);
}

/** Spot instances against a deadline. */
export const spot = labStep({
  id: 'spot',
  title: 'Spot instances against the deadline',
  asks: 'Spot instances cost less, and are taken away. The run has a deadline: one that misses it is bought again on demand. Replay the market of the last two weeks, and choose how to run.',
  act: {
    verb: 'Replay the market',
    effect:
      'Records two weeks of the market, sets the deadline, and runs the job from about three hundred instants of it with each policy.',
  },
  figures: {
    onDemandPrice: { what: 'price of a node and an hour on demand', unit: 'USD' },
    spotPrice: { what: 'price of a node and an hour on spot', unit: 'USD' },
    deadline: { what: 'deadline of a run', unit: 'h' },
    upShare: { what: 'share of the time in which all nodes are there', unit: '%' },
    between: { what: 'mean time between losses', unit: 'h' },
    starts: { what: 'starts that were replayed', unit: '' },
    spotMissed: { what: 'starts on spot alone that miss the deadline', unit: '%' },
  },
  loss: { what: 'mean cost of a run, bought again where it is late', unit: 'USD' },
  choices: {
    onDemand: { text: 'On demand: nothing is taken away', shows: 'A run costs {loss}, whatever the market does.' },
    spotOnly: {
      text: 'Spot alone, with checkpoints',
      shows: 'A run costs {loss}: {spotMissed} of the starts miss the deadline of {deadline} and are bought again.',
    },
    greedy: {
      text: 'Spot whenever it is there, on demand at the last moment',
      shows: 'A run costs {loss}, and on demand saves the deadline.',
    },
    hybrid: {
      text: 'Spot while the deadline is loose, then even progress',
      shows: 'A run costs {loss}, and progress is kept even once the deadline is near.',
    },
  },
  measure: async ({ folder, random, say }) => {
    say('records the market');
    const trace = await recordedMarket(folder, drawnMarket(random), random);
    const deadlineH = Math.round(HOURS * (1.1 + 1.2 * random()));
    say('runs the job with each policy from many starts');
    const simulated = simulate({
      trace,
      nodes: NODES,
      workS: HOURS * HOUR_S,
      deadlineS: deadlineH * HOUR_S,
      changeoverS: CHANGEOVER_S,
      onDemandUsd: PRICE.onDemand,
      spotUsd: PRICE.spot,
      policies: Object.values(policies),
      withoutBound: true,
    });
    const outcomeOf = (policy: keyof typeof policies) => {
      const outcome = simulated.outcomes.find((one) => one.policy === policies[policy].name);
      if (outcome === undefined) throw new Error(`the policy ${policy} was not simulated`);
      return outcome;
    };
    const cost = (policy: keyof typeof policies) => costOf(outcomeOf(policy), simulated, deadlineH);
    const { statistics, starts } = simulated;
    return {
      figures: {
        onDemandPrice: PRICE.onDemand,
        spotPrice: PRICE.spot,
        deadline: deadlineH,
        upShare: 100 * statistics.upShare,
        between: (statistics.mtbfS ?? 0) / HOUR_S,
        starts,
        spotMissed: 100 * outcomeOf('spotOnly').missedShare,
      },
      losses: {
        onDemand: cost('onDemand'),
        spotOnly: cost('spotOnly'),
        greedy: cost('greedy'),
        hybrid: cost('hybrid'),
      },
    };
  },
});
