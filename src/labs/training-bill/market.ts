import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../../base/rng.ts';
import { readSpotTrace } from '../../cost/spot/trace/read-spot-trace.ts';
import type { SpotTrace } from '../../cost/spot/trace/spot-trace.ts';
import { NODES } from './job.ts';

const HOURS = 14 * 24;

/** How long instances stay and stay away on average, hours. */
export interface Market {
  readonly upH: number;
  readonly downH: number;
}

/** A calm market to a rough one. */
export function drawnMarket(random: Random): Market {
  return { upH: 2 + 8 * random() ** 2, downH: 0.3 + 2 * random() };
}

/** Two weeks of a made-up market of spot instances: each period has an exponential length. It is written as a recording, and read as one. */
export async function recordedMarket(folder: string, { upH, downH }: Market, random: Random): Promise<SpotTrace> {
  const lines: string[] = [];
  let isUp = true;
  for (let at = 0; at < HOURS; isUp = !isUp) {
    lines.push(`${at.toFixed(3)},${isUp ? NODES : 0}`);
    at += Math.max(0.02, -Math.log(1 - random()) * (isUp ? upH : downH));
  }
  lines.push(`${HOURS.toFixed(3)},0`);
  const path = join(folder, 'market.csv');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return readSpotTrace(path, { timeUnit: 'h' });
}
