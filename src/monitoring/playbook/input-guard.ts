import type { PlaybookModel, PlaybookPlan } from '../../features/define/playbook.ts';
import type { Value } from '../../schema/column.ts';
import { valueParser } from '../../schema/value-parser.ts';
import type { PlaybookState } from './state.ts';

/** Puts declared values in the place of faulty features in a vector that a model is about to score. */
export type InputGuard = (values: readonly Value[]) => readonly Value[];

/** The guard of a model's inputs in a state; null: no feature is stopped. */
export function inputGuard(
  service: PlaybookModel['service'],
  { quality }: Pick<PlaybookPlan, 'quality'>,
  { stopped }: Pick<PlaybookState, 'stopped'>,
): InputGuard | null {
  if (quality.serve === 'none') return null;
  const names = new Set(stopped.filter(({ to, isDry }) => to === null && !isDry).map(({ feature }) => feature));
  const places = service.features.flatMap(({ name, type }, i) => {
    if (!names.has(name)) return [];
    const value = quality.defaults[name] ?? null;
    // As a vector has it: a 64-bit number is a bigint, a decimal a scaled one.
    return [{ i, value: value === null ? null : valueParser(type)(value) }];
  });
  if (places.length === 0) return null;
  return (values) => {
    const next = [...values];
    for (const { i, value } of places) next[i] = value;
    return next;
  };
}
