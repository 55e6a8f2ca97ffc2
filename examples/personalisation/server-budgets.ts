import { z } from 'zod';
import { askHeadrace } from './server-process.ts';

/** What the server measured of one declared latency or freshness, ms; null: nothing declared, nothing seen. */
export interface ServerBudget {
  readonly of: string;
  readonly name: string;
  /** null: a service, of all tiers. */
  readonly tier: 'request' | 'streaming' | 'batch' | null;
  readonly measure: 'latency' | 'freshness';
  readonly budgetMs: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly p999Ms: number | null;
  readonly met: boolean | null;
}

/** The line of one tier: of its slowest view. */
export interface TierLine {
  readonly tier: 'request' | 'streaming' | 'batch';
  readonly latency: ServerBudget;
  readonly views: number;
}

/** Asks a running server what it measured against its budgets, as `headrace slo` prints it. */
export async function serverBudgets(url: string): Promise<readonly ServerBudget[]> {
  const report = await askHeadrace(['slo', url]);
  if (typeof report !== 'object' || report === null || !('budgets' in report) || !Array.isArray(report.budgets))
    throw new Error('headrace slo gave no budgets');
  return report.budgets;
}

/** Memory of a server that grows with keys, and the budget of it, bytes. */
export interface ServerMemory {
  readonly bytes: number;
  readonly budgetBytes: number;
}

/** Asks a running server for its memory, as `headrace status` prints it. */
export async function serverMemory(url: string): Promise<ServerMemory> {
  const { memory } = statusSchema.parse(await askHeadrace(['status', url]));
  const bytes = Object.values(memory.parts).reduce((sum, part) => sum + part, 0);
  return { bytes, budgetBytes: memory.budgetBytes };
}

const statusSchema = z.object({
  memory: z.object({ budgetBytes: z.number(), parts: z.record(z.string(), z.number()) }),
});

/** The latency of each tier that was read: of its view with the highest p99. */
export function tierLines(budgets: readonly ServerBudget[]): readonly TierLine[] {
  return (['request', 'streaming', 'batch'] as const).flatMap((tier) => {
    const views = budgets.filter((one) => one.tier === tier && one.measure === 'latency' && one.p99Ms !== null);
    const [latency] = views.toSorted((a, b) => (b.p99Ms ?? 0) - (a.p99Ms ?? 0));
    return latency === undefined ? [] : [{ tier, latency, views: views.length }];
  });
}
