import { labStep } from '../lab.ts';
import { drawnNode, type NodeFactor, sampledNode } from './sampled-node.ts';

/** From the number on the dashboard to its factors. */
export const takeApart = labStep({
  id: 'take-apart',
  title: 'Take the number apart',
  asks: 'The dashboard shows one number for the node. It is a product: time that a job holds the GPU, time of that in which it runs anything, and how busy it is then. Sample the node, and say what to change first.',
  act: {
    verb: 'Sample the node',
    effect:
      'Samples utilisation once a second for ten minutes of the node, and joins it with the jobs of the scheduler.',
  },
  figures: {
    utilisation: { what: 'mean utilisation', unit: '%' },
    allocated: { what: 'share of time that a job holds the GPUs', unit: '%' },
    nonIdle: { what: 'share of held time in which something runs', unit: '%' },
    busy: { what: 'mean utilisation while something runs', unit: '%' },
  },
  loss: { what: 'GPU time that is still lost after the change', unit: '%' },
  choices: {
    schedule: {
      text: 'Change the scheduler: gangs together, backfill, quotas that lend',
      shows: 'With the GPUs held all the time, {loss} is still lost: {allocated} were held before.',
    },
    reap: {
      text: 'End allocations that stay idle: a reaper, limits for sessions',
      shows: 'With no idle allocation, {loss} is still lost: {nonIdle} of held time was in use before.',
    },
    tune: {
      text: 'Profile the jobs and make their steps faster',
      shows: 'With steps that fill the GPU, {loss} is still lost: running jobs used {busy} before.',
    },
  },
  measure: async ({ folder, random, say }) => {
    const node = drawnNode(random);
    say('samples the node as it is');
    const found = await sampledNode(folder, node, random);
    const shares = {
      allocated: 100 * found.allocatedShare,
      nonIdle: 100 * found.nonIdleShare,
      busy: found.meanOfNonIdle,
    };
    const lostWithout = async (factor: NodeFactor) => {
      say(`samples the node again, with "${factor}" at its best`);
      const changed = await sampledNode(folder, { ...node, [factor]: 1 }, random);
      return 100 - changed.allocatedShare * changed.nonIdleShare * changed.meanOfNonIdle;
    };
    return {
      figures: { utilisation: found.allocatedShare * found.nonIdleShare * found.meanOfNonIdle, ...shares },
      losses: {
        schedule: await lostWithout('allocated'),
        reap: await lostWithout('nonIdle'),
        tune: await lostWithout('busy'),
      },
    };
  },
});
