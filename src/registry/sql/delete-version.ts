import { fail } from '../../base/errors/fail.ts';
import type { AliasChange } from '../../ports/model-registry.ts';
import { CHAMPION } from '../champion.ts';
import { numberOf, textOf } from './rows.ts';
import { versionRow } from './version-rows.ts';
import { type OpenSql, writeAlias } from './write-alias.ts';

/** Deletes a version with the aliases that do not serve. Errors: REGISTRY_VERSION, REGISTRY_NEEDED. */
export async function deleteVersion(
  open: OpenSql,
  { model, version }: { readonly model: string; readonly version: number },
  change: Pick<AliasChange, 'at' | 'who' | 'why'>,
): Promise<void> {
  const { sql } = open;
  const row = await versionRow(sql, model, version);
  const [no, owner] = [numberOf(row, 'no'), numberOf(row, 'model')];
  // The row of the model is the lock: no alias moves to the version meanwhile.
  await sql.run('UPDATE models SET updated = ? WHERE no = ?', [change.at, owner]);
  const needed = await sql.all(
    `SELECT 'alias ' || alias AS needed FROM aliases a WHERE model = ? AND version = ?
        AND (alias = ? OR EXISTS (SELECT 1 FROM gates g WHERE g.model = a.model AND g.alias = a.alias))
      UNION ALL SELECT holder FROM holds WHERE model = ? AND version = ? ORDER BY needed`,
    [owner, version, CHAMPION, model, version],
  );
  if (needed.length > 0)
    throw fail('REGISTRY_NEEDED', { model, version, needed: needed.map((one) => textOf(one, 'needed')).join(', ') });
  const aliases = await sql.all('SELECT alias FROM aliases WHERE model = ? AND version = ? ORDER BY alias', [
    owner,
    version,
  ]);
  for (const alias of aliases) {
    const place = { model, no: owner, alias: textOf(alias, 'alias') };
    await writeAlias(open, place, { ...change, from: version, to: null });
  }
  for (const table of ['version_tags', 'version_files', 'version_contents', 'verdicts'])
    await sql.run(`DELETE FROM ${table} WHERE owner = ?`, [no]);
  await sql.run('DELETE FROM versions WHERE no = ?', [no]);
}
