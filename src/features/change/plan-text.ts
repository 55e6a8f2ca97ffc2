import { canonicalJson, type Json } from '../../base/canonical-json.ts';
import { formatDuration } from '../../base/time.ts';
import { type Change, type ColumnChange, partId } from './change.ts';
import type { FieldChange } from './field-changes.ts';
import type { DeclarationPlan } from './plan-changes.ts';

/** The plan for people: one line per change, what is refused marked with `!`, warnings with `?`, and a closing line. */
export function planText(plan: DeclarationPlan): string {
  const { project, before, after, changes, refused } = plan;
  const head =
    before === null
      ? `${project}: no declaration is in place; ${short(after)} would be`
      : before === after
        ? `${project}: the declaration in place is ${short(after)}, the same`
        : `${project}: ${short(before)} is in place; ${short(after)} would follow`;
  return `${[head, ...changes.flatMap((change) => changeLines(change, before === null)), closing(changes, refused)].join('\n')}\n`;
}

function closing(changes: readonly Change[], refused: boolean): string {
  if (refused) return 'refused: a new meaning needs a new version';
  if (changes.length === 0) return 'nothing changes';
  return changes.length === 1 ? '1 change' : `${changes.length} changes`;
}

function changeLines(change: Change, isFirst: boolean): readonly string[] {
  const id = partId(change.part);
  switch (change.kind) {
    case 'add':
      return [
        `  + ${id}${isFirst || change.part.tiles === null ? '' : ': filled from the history and verified on a sample, next to the present tiles'}`,
      ];
    case 'remove':
      return [`  - ${id}: served no longer; its history stays`];
    case 'addFeatures':
      return [`  + ${id}: ${change.features.join(', ')}`];
    case 'removeFeatures':
      return [`  - ${id}: ${change.features.join(', ')}`];
    case 'refillTiles':
      return [`  ~ ${id}: its tiles are recomputed from the history`];
    case 'evolveColumns':
      return change.steps.map((step) => `  ~ ${id}: ${stepText(step)}`);
    case 'changeSettings':
      return change.fields.map((field) => `  ~ ${id}: ${fieldText(field)}`);
    case 'changeCode':
      return [`  ? ${id}: the text of compute has changed; if its answers have too, give it a new version`];
    case 'refuseMeaning':
      return [
        ...change.fields.map((field) => `  ! ${id}: ${fieldText(field)}`),
        `    hint: ${[...new Set(change.fields.map(columnMend))].join('')}give it version ${(change.part.version ?? 0) + 1}`,
      ];
    case 'refuseVersion':
      return [`  ! ${id}: there has been version ${change.above}`, `    hint: give it version ${change.above + 1}`];
    default:
      return change satisfies never;
  }
}

function fieldText(change: FieldChange): string {
  const [field, before] = asWritten(change.field, change.before);
  const [, after] = asWritten(change.field, change.after);
  if (before === undefined) return `${asWritten(change.field, change.after)[0]} is new: ${valueText(after)}`;
  if (after === undefined) return `${field} is gone: ${valueText(before)}`;
  return `${field} was ${valueText(before)}, is ${valueText(after)}`;
}

/** How the names of fields end that are durations, ms. */
const DURATION = /Ms$/;

/** Fields of a model that hold the user's own JSON, which is shown as it is. */
const FREE = /^(trainWith|monitors|playbook|rollout)(\.|$)/;

/** A field and its value as a declaration has them: durations by their text, at every depth. */
function asWritten(field: string, value: Json | undefined): readonly [string, Json | undefined] {
  if (FREE.test(field)) return [field, value];
  if (!DURATION.test(field) || !isDuration(value)) return [field, value === undefined ? undefined : written(value)];
  return [field.replace(DURATION, ''), Array.isArray(value) ? value.map(durationText) : durationText(value)];
}

function written(value: Json): Json {
  if (Array.isArray(value)) return value.map(written);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => asWritten(name, member));
  return Object.fromEntries(members.flatMap(([name, member]) => (member === undefined ? [] : [[name, member]])));
}

/** Whether a value can be one or several durations: a column may have a name that ends as those of durations do. */
function isDuration(value: Json | undefined): value is number | null | readonly Json[] {
  if (Array.isArray(value)) return value.every((each) => typeof each === 'number');
  return value === null || typeof value === 'number';
}

function durationText(value: Json): Json {
  return typeof value === 'number' ? formatDuration(value) : value;
}

function stepText({ column, kind, before, after }: ColumnChange): string {
  switch (kind) {
    case 'add':
      return `${column} (${after}) comes; rows before have null`;
    case 'nullable':
      return `${column} was ${before}, may be null from now on`;
    case 'widen':
      return `${column} was ${before}, is ${after}; every value stays the same`;
    case 'reorder':
      return 'its columns stand in another order';
    default:
      return kind satisfies never;
  }
}

/** The alternatives to a new version for a column of a source. */
function columnMend({ field, before, after }: FieldChange): string {
  if (!field.startsWith('columns.')) return '';
  if (after === undefined) return 'keep the column as deprecated(…), or ';
  if (before === undefined) return 'let the new column be nullable(…), or ';
  return 'let the column keep its type (an int may become an int64 or a float, and every column nullable), or ';
}

const LONGEST_VALUE = 160;

function valueText(value: FieldChange['before']): string {
  const text = typeof value === 'string' ? value : canonicalJson(value ?? null);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}

function short(hash: string): string {
  return hash.slice(0, 12);
}
