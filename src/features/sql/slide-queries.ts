import { featureColumn } from '../plan/names.ts';
import { type LookupSlide, type ServiceReadOptions, serviceRead } from '../plan/service-read.ts';
import { sqlType, type Table } from '../plan/table.ts';
import { PointSlide } from '../slide/point-slide.ts';
import { compilePlan } from './compile.ts';
import type { SqlValue } from './decode.ts';
import type { Dialect } from './dialect.ts';

/** The rows of a lookup's slide as one SELECT, and the table of its answers. */
export interface SlideQuery {
  readonly lookup: LookupSlide['lookup'];
  readonly sql: string;
  /** The key, the instant and the features that it answers. */
  readonly table: Table;
  /** Reads rows in order: the row of the table where a row is a point, otherwise null. */
  readonly reader: () => (row: readonly SqlValue[]) => readonly SqlValue[] | null;
}

/** The slides of a service's stream lookups: those that have features made of parts. */
export function slideQueries(options: ServiceReadOptions & { readonly dialect: Dialect }): readonly SlideQuery[] {
  return serviceRead(options).slides.map((slide) => slideQuery(slide, options.dialect));
}

function slideQuery({ lookup, plan, inputs, features }: LookupSlide, dialect: Dialect): SlideQuery {
  const keys = plan.points.keys.map(({ name }) => name);
  const types = Object.values(lookup.view.entity.key).map(sqlType);
  const columns = { keys: keys.length, ids: plan.ids, signs: plan.events.images !== null, inputs };
  const windows = features.map(({ spec, kind, input, window: { windowMs, hopMs } }) => ({
    spec,
    kind,
    input,
    windowMs,
    hopMs,
  }));
  return {
    lookup,
    sql: compilePlan(plan, dialect),
    table: {
      name: `slid/${lookup.alias}`,
      columns: {
        ...Object.fromEntries(keys.map((name, i) => [name, types[i]])),
        q: 'BIGINT',
        ...Object.fromEntries(features.map(({ feature, type }) => [featureColumn(feature), sqlType(type)])),
      },
    },
    reader: () => {
      const slide = new PointSlide(columns, windows);
      return (row) => {
        const values = slide.next(row);
        return values === null ? null : [...row.slice(0, keys.length + 1), ...values];
      };
    },
  };
}
