import type { Lab } from '../lab.ts';
import { checkpoints } from './checkpoints.ts';
import { profileFirst } from './profile-first.ts';
import { spot } from './spot.ts';

/** The lab of a training bill. */
export const trainingBill: Lab = {
  id: 'training-bill',
  title: '8 hours on 32 A100',
  question:
    'A training job takes 8 hours on 32 A100, and runs often. Lower the bill without missing its deadline. Which change first, how much does it bring, and how sure are you?',
  page: 'problems/training-bill',
  steps: [profileFirst, spot, checkpoints],
  answer: [
    {
      title: 'Requirements',
      lines: [
        'A run costs {profile-first.today} today. The deadline of a run is {spot.deadline}.',
        'The model stays the same: a change of the model needs a gate of its quality first.',
      ],
    },
    {
      title: 'Design: the order of the levers',
      lines: [
        'First the bound of the step. Here: {profile-first.decision}, and a run costs {profile-first.loss}.',
        'Then the price of an hour. Here: {spot.decision}, at {spot.spotPrice} against {spot.onDemandPrice} for a node.',
        'Then the interval of checkpoints. Here: {checkpoints.decision}.',
      ],
    },
    {
      title: 'Trade-offs',
      lines: [
        'The plan said {profile-first.planned}, between {profile-first.plannedLeast} and {profile-first.plannedMost}, before anything was changed; the change itself gave {profile-first.loss}.',
        'Gains do not multiply: a shorter step makes the next bound visible, so the profile is taken again.',
        'Spot replaces money by variance. Over {spot.starts} starts a run cost {spot.loss}.',
      ],
    },
    {
      title: 'Failure modes',
      lines: [
        'On spot alone {spot.spotMissed} of the starts missed the deadline: all nodes were there for {spot.upShare} of the time.',
        'A loss comes every {checkpoints.between}, and work continues after {checkpoints.restart}. The work costs {checkpoints.loss}.',
        'A program that does not resume with the same numbers must not run on spot: drill it first.',
      ],
    },
    {
      title: 'Measures',
      lines: [
        'The step, before and after: it was {profile-first.step}, of which {profile-first.kernels} in kernels.',
        'The bill of the run next to the plan, and the share of runs that miss the deadline.',
      ],
    },
  ],
};
