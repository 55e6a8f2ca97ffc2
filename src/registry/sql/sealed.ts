import { fail } from '../../base/errors/fail.ts';
import type { Sql, SqlRow } from '../../ports/sql-database.ts';
import { isScoringTag } from '../scoring-tags.ts';
import { numberOf, textOf } from './rows.ts';

/** The number of a model that no alias points at; it is locked, so that none is set meanwhile. Errors: REGISTRY_ABSENT, REGISTRY_SEALED. */
export async function unaliasedModel(sql: Sql, name: string): Promise<number> {
  const [row] = await sql.all('UPDATE models SET updated = updated WHERE name = ? RETURNING no', [name]);
  if (row === undefined) throw fail('REGISTRY_ABSENT', { kind: 'model', name });
  const aliases = await sql.all('SELECT alias FROM aliases WHERE model = ? ORDER BY alias', [numberOf(row, 'no')]);
  if (aliases.length === 0) return numberOf(row, 'no');
  throw fail('REGISTRY_SEALED', { model: name, by: aliases.map((one) => `alias ${textOf(one, 'alias')}`) });
}

/** Refuses another name while a rollout, a job or a stream holds a version. Error: REGISTRY_SEALED. */
export async function mayRename(sql: Sql, name: string): Promise<void> {
  const holds = await sql.all('SELECT DISTINCT holder FROM holds WHERE model = ? ORDER BY holder', [name]);
  if (holds.length > 0) throw fail('REGISTRY_SEALED', { model: name, by: holds.map((one) => textOf(one, 'holder')) });
}

/**
 * Refuses to change how a version scores while something counts on it: an alias, a rollout, job or stream that holds it, or a verdict of a
 * gate, which was given for what it was. Error: REGISTRY_SEALED.
 */
export async function mayTag(sql: Sql, row: SqlRow, key: string): Promise<void> {
  if (!isScoringTag(key)) return;
  const [model, version, name] = [numberOf(row, 'model'), numberOf(row, 'version'), textOf(row, 'model_name')];
  // The row of the model is the lock: no alias moves to the version meanwhile.
  await sql.run('UPDATE models SET updated = updated WHERE no = ?', [model]);
  const found = await sql.all(
    `SELECT 'alias ' || alias AS seal FROM aliases WHERE model = ? AND version = ?
      UNION SELECT holder FROM holds WHERE model = ? AND version = ?
      UNION SELECT 'gate ' || gate FROM verdicts WHERE owner = ? ORDER BY seal`,
    [model, version, name, version, numberOf(row, 'no')],
  );
  if (found.length > 0) throw fail('REGISTRY_SEALED', { model: name, by: found.map((one) => textOf(one, 'seal')) });
}
