import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { medianOf } from '../../base/median.ts';
import { openHeadrace } from '../../running/headrace.ts';
import { labStep } from '../lab.ts';
import { clicks, labsProject, shopper } from './declaration.ts';
import { anyUser, BEGIN, type Click, clicksOf, USERS } from './visitors.ts';

const MINUTE_MS = 60_000;
const HOUR = 60;
/** Minutes that are asked about, after the first hour. */
const ASKED_MINUTES = 9;
const CLICKS_A_MINUTE = 400;
const REQUESTS_A_MINUTE = 15;
/** Minutes between two runs of the frequent job. */
const EVERY = 5;
/** The declared budget of the service. */
const BUDGET_MS = 10;

const names = shopper.features.map(({ name }) => name);
const [FEW, MANY] = [names.indexOf('recent_clicks_5m'), names.indexOf('recent_clicks_1h')];

/** The clicks of a user in the last minutes and hour before an instant. */
type Counts = readonly [number, number];

function scanned(of: readonly Click[], user: string, at: number): Counts {
  const since = (from: number) => of.filter((one) => one.user === user && one.at >= from && one.at < at).length;
  // By the declared meaning: the window of an hour begins at a whole five minutes.
  const hour = Math.floor((at - HOUR * MINUTE_MS) / (EVERY * MINUTE_MS)) * EVERY * MINUTE_MS;
  return [since(at - EVERY * MINUTE_MS), since(hour)];
}

const isEqual = (a: Counts | undefined, b: Counts) => a !== undefined && a[0] === b[0] && a[1] === b[1];

/** The tier in which a feature is computed. */
export const tiers = labStep({
  id: 'tiers',
  title: 'Where is the feature computed?',
  asks: 'A ranking model needs the clicks of a user in the last minutes and in the last hour. Let visitors click, ask for vectors, and choose where the feature is computed.',
  act: {
    verb: 'Open the shop',
    effect:
      'Takes clicks for more than an hour of the shop, and asks for vectors of users at the end of each minute, in each way.',
  },
  figures: {
    clicks: { what: 'clicks that were taken', unit: '' },
    requests: { what: 'vectors that were asked for', unit: '' },
    budget: { what: 'declared budget of a vector', unit: 'ms' },
    tileTime: { what: 'median time of a read from tiles', unit: 'ms' },
    scanTime: { what: 'median time of a scan of the clicks', unit: 'ms' },
    age: { what: 'median age of a row of the frequent job when it is read', unit: 'min' },
  },
  loss: { what: 'vectors that are wrong, or later than the budget', unit: '%' },
  choices: {
    hourly: {
      text: 'A batch job every hour, into a key-value store',
      shows: '{loss} of the vectors are wrong: they miss all clicks since the job.',
    },
    frequent: {
      text: 'A batch job every five minutes, into a key-value store',
      shows: '{loss} of the vectors are wrong: rows are {age} old, and miss the clicks that matter most.',
    },
    tiles: {
      text: 'Partial aggregates, written as clicks arrive and merged by the read',
      shows: '{loss} of the vectors are wrong or late; a read takes {tileTime}.',
    },
    scan: {
      text: 'A scan of the raw clicks at each request',
      shows: '{loss} of the vectors are wrong or late: a scan takes {scanTime}, and the budget is {budget}.',
    },
  },
  measure: async ({ folder, random, signal, say }) => {
    const clock = { now: BEGIN };
    const headrace = await openHeadrace({
      project: labsProject,
      environment: { directory: join(folder, 'shop') },
      clock: () => clock.now,
    });
    const log = join(folder, 'clicks.jsonl');
    const all: Click[] = [];
    const [hourly, frequent] = [new Map<string, Counts>(), new Map<string, Counts>()];
    const [tileTimes, scanTimes, ages]: [number[], number[], number[]] = [[], [], []];
    const wrong = { hourly: 0, frequent: 0, tiles: 0, scan: 0 };
    const tileCounts = async (user: string): Promise<Counts> => {
      const { values } = await headrace.read(shopper, { user });
      return [Number(values[FEW]), Number(values[MANY])];
    };
    const job = async (rows: Map<string, Counts>) => {
      for (let user = 0; user < USERS; user += 1) rows.set(`u${user}`, await tileCounts(`u${user}`));
    };
    const ask = async (minute: number) => {
      const [user, at] = [anyUser(random), clock.now];
      const truth = scanned(all, user, at);
      const began = performance.now();
      const tile = await tileCounts(user);
      const tileMs = performance.now() - began;
      const again = performance.now();
      const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
      const scan = scanned(
        lines.map((line) => JSON.parse(line)),
        user,
        at,
      );
      const scanMs = performance.now() - again;
      tileTimes.push(tileMs);
      scanTimes.push(scanMs);
      ages.push(minute % EVERY);
      wrong.hourly += isEqual(hourly.get(user), truth) ? 0 : 1;
      wrong.frequent += isEqual(frequent.get(user), truth) ? 0 : 1;
      wrong.tiles += isEqual(tile, truth) && tileMs <= BUDGET_MS ? 0 : 1;
      wrong.scan += isEqual(scan, truth) && scanMs <= BUDGET_MS ? 0 : 1;
    };
    try {
      say('takes the clicks of an hour');
      for (let minute = 1; minute <= HOUR + ASKED_MINUTES; minute += 1) {
        signal.throwIfAborted();
        const taken = clicksOf(random, clock.now, MINUTE_MS, CLICKS_A_MINUTE);
        clock.now += MINUTE_MS;
        await headrace.ingest(clicks, taken);
        await headrace.flush();
        all.push(...taken);
        appendFileSync(log, taken.map((one) => `${JSON.stringify(one)}\n`).join(''));
        if (minute < HOUR) continue;
        if (minute === HOUR) await job(hourly);
        if (minute % EVERY === 0) await job(frequent);
        if (minute > HOUR) for (let i = 0; i < REQUESTS_A_MINUTE; i += 1) await ask(minute);
        say(`minute ${minute}: ${tileTimes.length} vectors asked for`);
      }
    } finally {
      await headrace.close();
    }
    const percent = (count: number) => (100 * count) / tileTimes.length;
    return {
      figures: {
        clicks: all.length,
        requests: tileTimes.length,
        budget: BUDGET_MS,
        tileTime: medianOf(tileTimes),
        scanTime: medianOf(scanTimes),
        age: medianOf(ages),
      },
      losses: {
        hourly: percent(wrong.hourly),
        frequent: percent(wrong.frequent),
        tiles: percent(wrong.tiles),
        scan: percent(wrong.scan),
      },
    };
  },
});
