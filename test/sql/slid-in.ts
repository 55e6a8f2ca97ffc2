import type { ServiceReadOptions } from '../../src/features/plan/service-read.ts';
import { duckdb } from '../../src/features/sql/duckdb.ts';
import { slideQueries } from '../../src/features/sql/slide-queries.ts';
import { relationOf, type TestDatabase } from './duckdb.ts';

/** Slides over the events of a service's lookups and puts their answers into tables, which the join then reads. */
export async function slidIn(
  database: TestDatabase,
  options: ServiceReadOptions,
): Promise<NonNullable<ServiceReadOptions['slidOf']>> {
  const relations = new Map<string, string>();
  for (const { lookup, sql, table, reader } of slideQueries({ ...options, dialect: duckdb })) {
    const read = reader();
    const answers = (await database.rows(sql)).flatMap((row) => read(row) ?? []);
    const width = Object.keys(table.columns).length;
    const rows = Array.from({ length: answers.length / width }, (_, i) => answers.slice(i * width, (i + 1) * width));
    await database.run(`DROP TABLE IF EXISTS ${relationOf(table)}`);
    await database.create(table, rows);
    relations.set(lookup.alias, relationOf(table));
  }
  return ({ alias }) => relations.get(alias);
}
