import { labStep } from '../lab.ts';
import { openOffersShop } from './offers-shop.ts';

/** Offers that the first version scores. */
const BATCH = 60;

interface Scored {
  readonly offset: number;
  readonly version: number;
  readonly score: number | null;
}

const scoreOf = (one: Scored | undefined) => one?.score ?? 0;

/** Whether an answer is another one than the first for its record. */
function isOther(first: ReadonlyMap<number, Scored>) {
  return ({ offset, version, score }: Scored) =>
    first.get(offset)?.version !== version || first.get(offset)?.score !== score;
}

/** The topic is read again after a version has changed. */
export const replay = labStep({
  id: 'replay',
  title: 'The topic is read again',
  asks: 'Every offer is scored as an event. A consumer lost its place, so it reads the topic again, and a version was promoted meanwhile. Roll the version, read again, and choose the rule of the version.',
  act: {
    verb: 'Read the topic again',
    effect:
      'Lets a stream score offers, promotes a version, scores more, and then scores all of them again by each rule.',
  },
  figures: {
    records: { what: 'records of the topic', unit: '' },
    versions: { what: 'versions that scored them first', unit: '' },
    change: { what: 'mean change of a score by the newest version', unit: '' },
    waiting: { what: 'records that waited for a score in the end', unit: '' },
  },
  loss: { what: 'records whose second answer differs from the first', unit: '%' },
  choices: {
    newest: {
      text: 'The newest version scores whatever is read',
      shows:
        '{loss} of the records have two different answers, by {change} on average, and nobody knows which was used.',
    },
    oldest: {
      text: 'The version that was there when the topic began scores all',
      shows: '{loss} of the records have two different answers: those after the change.',
    },
    plan: {
      text: 'The version is a function of partition and offset, written before it counts',
      shows: '{loss} of the records have two different answers.',
    },
  },
  measure: async ({ folder, random, signal, say }) => {
    say('trains two versions');
    const { headrace, versions, offer } = await openOffersShop(folder, random);
    try {
      const stream = headrace.stream('scored');
      const next = () => stream.status.partitions[0].next;
      say('scores offers by the first version');
      await offer(BATCH);
      const from = next() - BATCH;
      await stream.roll({ version: versions[1], cutOver: { kind: 'immediate' } });
      signal.throwIfAborted();
      say('scores offers by the second version');
      await offer(Math.round(BATCH * (1 + random())));
      await headrace.tick();
      const range = { from, to: next() };
      const { outputs } = await stream.outputs({ cursor: null, most: range.to });
      const first = new Map(outputs.map((one) => [one.offset, one]));
      const again = async (version: number | null) => {
        say(`scores them again by ${version === null ? 'the plan' : `version ${version}`}`);
        return stream.reprocess(0, { ...range, version });
      };
      const differing = (found: readonly Scored[]) => (100 * found.filter(isOther(first)).length) / found.length;
      const newest = await again(versions[1]);
      const changes = newest
        .filter(isOther(first))
        .map((one) => Math.abs(scoreOf(one) - scoreOf(first.get(one.offset))));
      return {
        figures: {
          records: range.to - range.from,
          versions: new Set(newest.map(({ offset }) => first.get(offset)?.version)).size,
          change: changes.reduce((sum, one) => sum + one, 0) / Math.max(1, changes.length),
          waiting: stream.status.partitions[0].waiting,
        },
        losses: {
          newest: differing(newest),
          oldest: differing(await again(versions[0])),
          plan: differing(await again(null)),
        },
      };
    } finally {
      await headrace.close();
    }
  },
});
