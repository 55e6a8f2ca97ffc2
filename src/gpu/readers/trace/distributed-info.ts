import type { TraceBuilder } from '../../trace/trace.ts';
import { fieldOf, numberOf } from './fields.ts';

/** Reads the header `distributedInfo`: the rank, its backend and its process groups. */
export function readDistributedInfo(trace: TraceBuilder, value: unknown): void {
  trace.rank = numberOf(value, 'rank');
  trace.worldSize = numberOf(value, 'world_size');
  const parts = [fieldOf(value, 'backend'), fieldOf(value, 'nccl_version')].filter((part) => typeof part === 'string');
  trace.backend = parts.length === 0 ? undefined : parts.join(' ');
  const groups = fieldOf(value, 'pg_config');
  if (!Array.isArray(groups)) return;
  for (const group of groups) {
    const name = fieldOf(group, 'pg_name');
    const ranks = fieldOf(group, 'ranks');
    if (typeof name !== 'string' || !Array.isArray(ranks) || ranks.length === 0) continue;
    if (ranks.every((rank): rank is number => typeof rank === 'number')) trace.groups.set(name, new Set(ranks));
  }
}
