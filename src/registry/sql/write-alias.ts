import type { AliasMove, VersionRecord } from '../../ports/model-registry.ts';
import type { Sql, SqlDialect } from '../../ports/sql-database.ts';
import { sealOf } from '../version-seal.ts';
import { keepEvent } from './change-events.ts';

/** A transaction. */
export interface OpenSql {
  readonly sql: Sql;
  readonly dialect: SqlDialect;
}

/** An alias of a model whose row is locked. */
export interface AliasPlace {
  readonly model: string;
  /** Number of the model. */
  readonly no: number;
  readonly alias: string;
}

/** The version that an alias goes to; null: it is removed. */
export interface WrittenMove extends Pick<AliasMove, 'from' | 'at'> {
  readonly to: VersionRecord | null;
  readonly who?: string | undefined;
  readonly why?: string | undefined;
}

/** Writes an alias with its seal, its move and its event. */
export async function writeAlias(
  { sql, dialect }: OpenSql,
  { model, no, alias }: AliasPlace,
  { from, to, at, who = '', why = '' }: WrittenMove,
): Promise<void> {
  const version = to?.version ?? null;
  if (to === null) await sql.run('DELETE FROM aliases WHERE model = ? AND alias = ?', [no, alias]);
  else
    await sql.run(
      `INSERT INTO aliases (model, alias, version, seal) VALUES (?, ?, ?, ?)
        ON CONFLICT (model, alias) DO UPDATE SET version = excluded.version, seal = excluded.seal`,
      [no, alias, version, sealOf(to)],
    );
  await sql.run(
    'INSERT INTO moves (model, alias, from_version, to_version, at, who, why) VALUES (?, ?, ?, ?, ?, ?, ?)',
    [no, alias, from, version, at, who, why],
  );
  const [action, of] = version === null ? ['deleted', {}] : ['created', { version: String(version) }];
  await keepEvent({ sql, dialect }, at, {
    entity: 'model_version_alias',
    action,
    data: { name: model, alias, ...of },
  });
}
