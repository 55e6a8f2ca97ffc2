import type { ArrivalMemory } from './arrival-counts.ts';
import type { EstimateMemory } from './estimated-windows.ts';
import type { LossMemory } from './loss-memory.ts';
import type { FactMemory } from './score-fact-windows.ts';
import type { ScoreMemory } from './score-reference.ts';

/** The state of a process that judges again and again, so that it does not read the whole history each time. */
export interface MonitorMemory {
  readonly losses: LossMemory;
  readonly estimates: EstimateMemory;
  readonly scores: ScoreMemory;
  readonly facts: FactMemory;
  readonly arrivals: ArrivalMemory;
}

export function newMonitorMemory(): MonitorMemory {
  return { losses: new Map(), estimates: new Map(), scores: new Map(), facts: new Map(), arrivals: new Map() };
}
