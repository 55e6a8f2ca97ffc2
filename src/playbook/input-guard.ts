import type { PlaybookModel, PlaybookPlan } from '../features/define/playbook.ts';
import type { Value } from '../schema/column.ts';
import { valueParser } from '../schema/value-parser.ts';
import { isFaultyValue } from './faulty-rows.ts';
import { isApplied, type Stopped } from './stopped-feature.ts';

/** Puts declared values in the place of the faulty values of a vector that a model is about to score. */
export type InputGuard = (values: readonly Value[]) => readonly Value[];

/** The guard of a model's inputs in a state; null: no remedy is in force. */
export function inputGuard(
  service: PlaybookModel['service'],
  { quality }: Pick<PlaybookPlan, 'quality'>,
  { stopped }: { readonly stopped: readonly Pick<Stopped, 'feature' | 'to' | 'rows' | 'remedy' | 'isDry'>[] },
): InputGuard | null {
  if (quality.serve === 'none') return null;
  const open = stopped.filter(isApplied);
  const places = service.features.flatMap(({ name, type }, i) => {
    const faults = open.filter(({ feature }) => feature === name).map(({ rows }) => isFaultyValue(rows, type));
    if (faults.length === 0) return [];
    const value = quality.defaults[name] ?? null;
    // As a vector has it: a 64-bit number is a bigint, a decimal a scaled one.
    return [{ i, value: value === null ? null : valueParser(type)(value), faults }];
  });
  if (places.length === 0) return null;
  return (values) => {
    const next = [...values];
    for (const { i, value, faults } of places)
      if (faults.some((isFaulty) => isFaulty(values[i] ?? null))) next[i] = value;
    return next;
  };
}
