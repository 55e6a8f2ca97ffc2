import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Random, randomBelow } from '../../base/rng.ts';
import { diagnose } from '../../gpu/diagnose.ts';
import type { Allocation } from '../../gpu/join/allocation.ts';
import { readSource } from '../../gpu/readers/read-source.ts';
import { dmonLines, LOG_SECONDS } from '../captures/sample-gpu.ts';

/** The factors of the utilisation of a node: share of time allocated, of that not idle, and utilisation then. 0 to 1. */
export type NodeFactors = Readonly<Record<'allocated' | 'nonIdle' | 'busy', number>>;

const factors = ['allocated', 'nonIdle', 'busy'] as const;
export type NodeFactor = (typeof factors)[number];

/** A node at about 45 %, most of it lost by one factor. */
export function drawnNode(random: Random): NodeFactors {
  const worst = factors[randomBelow(random, factors.length)];
  const of = (factor: NodeFactor) => (factor === worst ? 0.54 + 0.08 * random() : 0.86 + 0.04 * random());
  return { allocated: of('allocated'), nonIdle: of('nonIdle'), busy: of('busy') };
}

/** The idle seconds of a job come once in as many. */
const IDLE_EVERY = 60;
/** Half the width of the noise of a sample. */
const NOISE = 0.06;
const BEGIN = Date.UTC(2026, 0, 5, 9);

/** Samples a node for ten minutes, with the jobs that held it, and takes its utilisation apart. */
export async function sampledNode(
  folder: string,
  { allocated, nonIdle, busy }: NodeFactors,
  random: Random,
): Promise<Allocation> {
  const heldFrom = Math.round((1 - allocated) * LOG_SECONDS);
  const idle = Math.round((1 - nonIdle) * IDLE_EVERY);
  const log = dmonLines((second) => {
    if (second < heldFrom || (second - heldFrom) % IDLE_EVERY < idle) return 0;
    return Math.min(100, Math.max(1, Math.round(100 * (busy + NOISE * (2 * random() - 1)))));
  });
  const at = (second: number) => new Date(BEGIN + second * 1_000).toISOString().slice(0, 19);
  const [samples, jobs] = [join(folder, 'dmon.txt'), join(folder, 'jobs.psv')];
  writeFileSync(samples, log);
  writeFileSync(
    jobs,
    `JobID|State|ExitCode|Start|End|ElapsedRaw|AllocTRES|Eligible|JobName
7001|COMPLETED|0:0|${at(heldFrom)}|${at(LOG_SECONDS)}|${LOG_SECONDS - heldFrom}|cpu=8,gres/gpu=2,mem=64G,node=1|${at(0)}|train
`,
  );
  const { allocation } = diagnose([await readSource(samples), await readSource(jobs)]);
  const [found] = allocation;
  if (found === undefined) throw new Error('no job was found in the samples of the node');
  return found;
}
