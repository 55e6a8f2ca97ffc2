import { fail } from '../../base/errors/fail.ts';
import { type DurationText, parseDuration } from '../../base/time.ts';
import { checkName, checkNames, checkVersion } from './check-name.ts';
import { type ColumnMap, columnSpecs, columnTags, type TagsOf } from './column-factories.ts';
import type { EventSourceData } from './declaration.ts';
import type { Expr } from './expression-factories.ts';
import { freeze } from './freeze.ts';
import type { BaseTag, Tags, Values } from './tag.ts';

/** An event source, with its name and the tags of its columns. */
export interface EventSource<C extends Tags, N extends string = string> extends EventSourceData {
  readonly name: N;
  readonly outputs: C;
}

/** The columns of a source as a view's callback gets them. */
export type Columns<S extends EventSource<Tags>> = { readonly [K in keyof S['outputs']]: Expr<S['outputs'][K]> };

/** An event of a source, as it is sent. */
export type EventOf<S extends EventSource<Tags>> = Values<S['outputs']>;

/** The columns of a type; where there is none, a text that an error shows. */
export type NamesOf<C extends ColumnMap, T extends BaseTag> = [Matching<C, T>] extends [never]
  ? `a column that is ${T}()`
  : Matching<C, T>;

type Matching<C extends ColumnMap, T extends BaseTag> = {
  [K in keyof C & string]: TagsOf<C>[K] extends T ? K : never;
}[keyof C & string];

export interface EventSourceOptions<C extends ColumnMap> {
  readonly version?: number;
  readonly columns: C;
  /** The text column that identifies an event. */
  readonly id: NamesOf<C, 'text'>;
  /** The time column of event time. */
  readonly time: NamesOf<C, 'time'>;
  /** How late an event may arrive and still count (1h). */
  readonly lateness?: DurationText;
  /** How far ahead of its arrival its time may be (1m). */
  readonly futureSkew?: DurationText;
}

/** A stream of events. Errors: NAME_TEXT, WINDOW_TEXT, SOURCE_COLUMN. */
export function eventSource<C extends ColumnMap, const N extends string = string>(
  name: N,
  options: EventSourceOptions<C>,
): EventSource<TagsOf<C>, N> {
  const { columns, id, time, version = 1, lateness = '1h', futureSkew = '1m' } = options;
  checkName('event source', name);
  checkNames('column', name, columns);
  requireColumn(name, 'id', id, columns, 'text');
  requireColumn(name, 'time', time, columns, 'time');
  return freeze({
    kind: 'eventSource',
    name,
    version: checkVersion(name, version),
    id,
    time,
    columns: columnSpecs(columns),
    latenessMs: parseDuration(lateness, `the lateness of source ${name}`),
    futureSkewMs: parseDuration(futureSkew, `the futureSkew of source ${name}`),
    outputs: columnTags(columns),
  });
}

function requireColumn(source: string, role: string, column: string, columns: ColumnMap, type: string): void {
  const spec = Object.hasOwn(columns, column) ? columns[column] : undefined;
  if (spec?.type !== type || spec.nullable) throw fail('SOURCE_COLUMN', { source, role, column, type });
}
