import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from 'headrace';
import { lateDeparture } from '../flights/declaration.ts';
import type { Flight } from '../flights/flights.ts';
import { replayClock } from '../flights/replay-clock.ts';
import { endedWell, kill, startProgram, untilOr } from './child.ts';
import { openSite, requestOf, type Site } from './site.ts';

/** Answers of the naive way, by flight, in the order of their rows. */
export interface NaiveRun {
  readonly answers: ReadonlyMap<string, readonly { readonly version: number; readonly score: number }[]>;
  readonly rows: number;
  readonly kills: number;
}

/** Kills that hit between the rows and the saved place: each repeats rows. */
const WANTED_HITS = 2;
const MOST_KILLS = 30;

/**
 * Scores the live flights of a site the naive way: a server in this process, and a consumer that is killed and started again. The second
 * version becomes the champion in the middle, and the first one again in the end. `rewinds`: the consumer then reads everything again.
 */
export async function naiveRun(site: Site, { rewinds }: { readonly rewinds: boolean }): Promise<NaiveRun> {
  const [questions, output, place] = ['questions.jsonl', 'answers.jsonl', 'place'].map((name) =>
    join(site.directory, `naive-${name}`),
  );
  for (const path of [output, place]) rmSync(path, { force: true });
  writeFileSync(questions, site.live.map((one) => `${JSON.stringify(questionOf(one))}\n`).join(''));
  const headrace = await openSite({ directory: site.directory, clock: replayClock(site.to) });
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: '1MiB' });
  const args = [questions, output, place, `${server.url}/v1/predictions/${lateDeparture.name}`];
  try {
    let [kills, hits] = [0, 0];
    // Few flights are scored before both: there is nothing left to kill then.
    while (hits < WANTED_HITS && kills < MOST_KILLS && placeOf(place) < site.live.length) {
      const consumer = startProgram('naive-consumer.ts', args);
      // One call after the place was saved, or more.
      const calls = 5 + (kills % 3);
      await untilOr(consumer, () => consumer.lines().length >= calls);
      await kill(consumer);
      kills += 1;
      if (Number(consumer.lines().at(-1) ?? 0) > placeOf(place)) hits += 1;
      if (kills === 1) await headrace.promote(lateDeparture, site.versions[1]);
    }
    await endedWell(startProgram('naive-consumer.ts', args), 'the consumer');
    if (rewinds) {
      rmSync(place);
      await endedWell(startProgram('naive-consumer.ts', args), 'the consumer');
    }
    const rows = rowsOf(output).map((line) => JSON.parse(line));
    return { answers: Map.groupBy(rows, ({ id }) => id), rows: rows.length, kills };
  } finally {
    await headrace.promote(lateDeparture, site.versions[0]);
    await server.close();
    await headrace.close();
  }
}

function questionOf(flight: Flight) {
  return { id: flight.id, request: requestOf(flight) };
}

function rowsOf(file: string): readonly string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
}

function placeOf(file: string): number {
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
}
