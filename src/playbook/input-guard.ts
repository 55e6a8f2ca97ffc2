import type { PlaybookModel, PlaybookPlan } from '../features/define/playbook.ts';
import type { FaultyRows } from '../ports/playbook-store.ts';
import type { Value } from '../schema/column.ts';
import { valueParser } from '../schema/value-parser.ts';
import type { PlaybookState } from './state.ts';

/** Puts declared values in the place of the faulty values of a vector that a model is about to score. */
export type InputGuard = (values: readonly Value[]) => readonly Value[];

/** The guard of a model's inputs in a state; null: no feature is stopped. */
export function inputGuard(
  service: PlaybookModel['service'],
  { quality }: Pick<PlaybookPlan, 'quality'>,
  { stopped }: Pick<PlaybookState, 'stopped'>,
): InputGuard | null {
  if (quality.serve === 'none') return null;
  const open = stopped.filter(({ to, isDry }) => to === null && !isDry);
  const places = service.features.flatMap(({ name, type }, i) => {
    const faults = open.filter(({ feature }) => feature === name).map(({ rows }) => IS_FAULTY[rows]);
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

const IS_FAULTY: Readonly<Record<FaultyRows, (value: Value) => boolean>> = {
  all: () => true,
  missing: (value) => value === null,
  infinite: (value) => value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY,
  negative: (value) => (typeof value === 'number' || typeof value === 'bigint') && value < 0,
  none: () => false,
};
