import { fail } from '../../base/errors/fail.ts';
import type { AliasChange, Gate, ModelRegistry, Verdict } from '../../ports/model-registry.ts';
import type { Sql, SqlDatabase, SqlRow } from '../../ports/sql-database.ts';
import { modelNumber } from './model-store.ts';
import { maybeNumber, numberOf, textOf } from './rows.ts';
import { versionRow, wholeRecord } from './version-rows.ts';
import { type OpenSql, writeAlias } from './write-alias.ts';

type AliasMethods = 'alias' | 'moveAlias' | 'moves' | 'setGate' | 'removeGate' | 'gates' | 'addVerdict' | 'verdicts';

/** Aliases, their history and their gates in SQL. */
export function aliasStore(database: SqlDatabase): Pick<ModelRegistry, AliasMethods> {
  const { dialect } = database;
  return {
    alias: (model, alias) => database.read((sql) => standing(sql, model, alias)),
    moveAlias: (model, alias, change) => database.write((sql) => moveAlias({ sql, dialect }, { model, alias }, change)),
    moves: (model) =>
      database.read(async (sql) => {
        const rows = await sql.all(
          'SELECT o.* FROM moves o JOIN models m ON m.no = o.model WHERE m.name = ? ORDER BY o.no',
          [model],
        );
        return rows.map((row) => ({
          alias: textOf(row, 'alias'),
          from: maybeNumber(row, 'from_version'),
          to: maybeNumber(row, 'to_version'),
          at: numberOf(row, 'at'),
          who: textOf(row, 'who'),
          why: textOf(row, 'why'),
        }));
      }),
    setGate: (gate) =>
      database.write(async (sql) => {
        const no = await modelNumber(sql, gate.model);
        await sql.run(
          `INSERT INTO gates (model, alias, name, kind, people, valid_ms) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (model, alias, name) DO UPDATE SET kind = excluded.kind, people = excluded.people, valid_ms = excluded.valid_ms`,
          [no, gate.alias, gate.name, gate.kind, JSON.stringify(gate.people), gate.validMs],
        );
      }),
    removeGate: (model, alias, name) =>
      database.write(async (sql) => {
        const no = await modelNumber(sql, model);
        const removed = await sql.run('DELETE FROM gates WHERE model = ? AND alias = ? AND name = ?', [
          no,
          alias,
          name,
        ]);
        if (removed === 0) throw fail('REGISTRY_ABSENT', { kind: 'gate', name });
      }),
    gates: (model) =>
      database.read(async (sql) => {
        const rows = await sql.all(
          'SELECT g.* FROM gates g JOIN models m ON m.no = g.model WHERE m.name = ? ORDER BY g.alias, g.name',
          [model],
        );
        return rows.map((row) => gateOf(row, model));
      }),
    addVerdict: (model, version, verdict) => database.write((sql) => addVerdict(sql, { model, version }, verdict)),
    verdicts: (model, version) =>
      database.read(async (sql) => {
        const row = await versionRow(sql, model, version);
        const rows = await sql.all('SELECT * FROM verdicts WHERE owner = ? ORDER BY no', [numberOf(row, 'no')]);
        return rows.map(verdictOf);
      }),
  };
}

async function standing(sql: Sql, model: string, alias: string): Promise<number | null> {
  const [row] = await sql.all(
    'SELECT a.version FROM aliases a JOIN models m ON m.no = a.model WHERE m.name = ? AND a.alias = ?',
    [model, alias],
  );
  return row === undefined ? null : numberOf(row, 'version');
}

async function moveAlias(
  open: OpenSql,
  { model, alias }: { readonly model: string; readonly alias: string },
  { expected, to, at, who, why }: AliasChange,
): Promise<void> {
  const { sql } = open;
  // The row of the model is the lock: of several movers one goes first.
  const [locked] = await sql.all('UPDATE models SET updated = updated WHERE name = ? RETURNING no', [model]);
  const found = locked === undefined ? null : await standing(sql, model, alias);
  if (expected !== 'any' && found !== expected) throw fail('REGISTRY_MOVED', { model, alias, found, expected });
  const target = to === null ? null : await versionRow(sql, model, to);
  if (locked === undefined || (to === null && found === null)) return;
  const no = numberOf(locked, 'no');
  if (target !== null) await checkGates(sql, { model, alias, no, expected, at }, target);
  const record = target === null ? null : await wholeRecord(sql, target);
  await writeAlias(open, { model, no, alias }, { from: found, to: record, at, who, why });
}

interface Move {
  readonly model: string;
  readonly alias: string;
  readonly no: number;
  readonly expected: AliasChange['expected'];
  readonly at: number;
}

async function checkGates(sql: Sql, { model, alias, no, expected, at }: Move, target: SqlRow): Promise<void> {
  const gates = await sql.all('SELECT * FROM gates WHERE model = ? AND alias = ? ORDER BY name', [no, alias]);
  if (gates.length === 0) return;
  if (expected === 'any') throw fail('REGISTRY_EXPECTED', { model, alias });
  const missing: string[] = [];
  for (const row of gates) {
    const gate = gateOf(row, model);
    const [newest] = await sql.all('SELECT * FROM verdicts WHERE owner = ? AND gate = ? ORDER BY no DESC LIMIT 1', [
      numberOf(target, 'no'),
      gate.name,
    ]);
    const reason = newest === undefined ? 'has no verdict' : refusalOf(gate, verdictOf(newest), at);
    if (reason !== null) missing.push(`gate ${gate.name} ${reason}`);
  }
  const version = numberOf(target, 'version');
  if (missing.length > 0) throw fail('REGISTRY_GATE', { model, alias, version, missing: missing.join('; ') });
}

function refusalOf(gate: Gate, verdict: Verdict, now: number): string | null {
  if (!verdict.passed) return `failed at ${new Date(verdict.at).toISOString()}`;
  if (gate.validMs !== null && verdict.at + gate.validMs <= now) return 'has an expired verdict';
  return null;
}

async function addVerdict(
  sql: Sql,
  { model, version }: { readonly model: string; readonly version: number },
  { gate, passed, who, at, note }: Verdict,
): Promise<void> {
  const row = await versionRow(sql, model, version);
  const declared = await sql.all('SELECT * FROM gates WHERE model = ? AND name = ?', [numberOf(row, 'model'), gate]);
  if (declared.length === 0) throw fail('REGISTRY_ABSENT', { kind: 'gate', name: gate });
  for (const { kind, people } of declared.map((one) => gateOf(one, model))) {
    const refuse = (reason: string) => fail('REGISTRY_VERDICT', { who, gate, model, reason });
    if (kind !== 'approval' || !passed) continue;
    if (who === '') throw refuse('an approval needs a name');
    if (who === textOf(row, 'user_name')) throw refuse('who registered the version cannot approve it');
    if (people.length > 0 && !people.includes(who)) throw refuse('the gate names other people');
  }
  await sql.run('INSERT INTO verdicts (owner, gate, passed, who, at, note) VALUES (?, ?, ?, ?, ?, ?)', [
    numberOf(row, 'no'),
    gate,
    passed ? 1 : 0,
    who,
    at,
    note,
  ]);
}

function gateOf(row: SqlRow, model: string): Gate {
  return {
    model,
    alias: textOf(row, 'alias'),
    name: textOf(row, 'name'),
    kind: textOf(row, 'kind') === 'approval' ? 'approval' : 'check',
    people: JSON.parse(textOf(row, 'people')) as readonly string[],
    validMs: maybeNumber(row, 'valid_ms'),
  };
}

function verdictOf(row: SqlRow): Verdict {
  return {
    gate: textOf(row, 'gate'),
    passed: numberOf(row, 'passed') === 1,
    who: textOf(row, 'who'),
    at: numberOf(row, 'at'),
    note: textOf(row, 'note'),
  };
}
