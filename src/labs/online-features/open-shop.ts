import { join } from 'node:path';
import type { Random } from '../../base/rng.ts';
import { type Headrace, openHeadrace } from '../../running/headrace.ts';
import { clicks, labsProject } from './declaration.ts';
import { clicksOf } from './visitors.ts';

const SPAN_MS = 30 * 60_000;
const CLICKS = 10_000;

/** A shop with half an hour of clicks, whose clock is that of the machine. */
export async function openShop(folder: string, random: Random): Promise<Headrace> {
  const headrace = await openHeadrace({ project: labsProject, environment: { directory: join(folder, 'shop') } });
  await headrace.bootstrap(clicks, clicksOf(random, Date.now() - SPAN_MS, SPAN_MS - 1_000, CLICKS));
  await headrace.flush();
  return headrace;
}

/** The rate of the question, vectors a second. */
export const RATE = 50_000;

/** Processor time of this process while something runs, s. */
export async function cpuSeconds(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
