import type { DuckDBConnection } from '@duckdb/node-api';
import { fail } from '../../../base/errors/fail.ts';
import { BOOLEAN_TEXTS, openRowFile, type RowFile } from '../../../files/row-file.ts';
import type { InputSet } from '../../../ports/score-files.ts';
import { quotedName, quotedText, rowsOf } from './file-relation.ts';
import { readFailure } from './score-failure.ts';

/**
 * Files as one relation of SQL, in the order of the files and of their rows, with the columns of their folders. Cells of CSV and TSV are
 * texts, and an empty one is null; columns of truth values alone are BOOLEAN, but those in `texts`. Errors: FILE_*, PREDICT_INPUT, PREDICT_SCHEMA.
 */
export async function setRelation(
  connection: DuckDBConnection,
  { format, files, folderColumns }: InputSet,
  texts: ReadonlySet<string>,
): Promise<string> {
  const opened: RowFile[] = [];
  for (const { path } of files) opened.push(await openedFile(connection, path, format));
  const [first] = opened;
  for (const one of opened) mustFit(one, first);
  for (const { name } of folderColumns) mustBeAbsent(first, name);
  const names = first.columns.map(({ name }) => quotedName(name));
  const selects = opened.map(({ relation }, i) => {
    const folders = folderColumns.map(({ name, type }, k) => {
      const value = files[i].folders[k];
      return `CAST(${value === null ? 'NULL' : quotedText(value)} AS ${texts.has(name) ? 'VARCHAR' : type}) AS ${quotedName(name)}`;
    });
    return `(SELECT ${[...names, ...folders].join(', ')} FROM ${relation})`;
  });
  const relation =
    files.length === 1 && folderColumns.length === 0 ? first.relation : `(${selects.join(' UNION ALL ')})`;
  return first.untyped ? withBooleans(connection, { ...first, relation }, texts) : relation;
}

async function openedFile(connection: DuckDBConnection, path: string, format: InputSet['format']): Promise<RowFile> {
  try {
    return await openRowFile((sql) => rowsOf(connection, sql), path, format);
  } catch (error) {
    throw readFailure(path, error);
  }
}

/** The same columns of the same types, in any order. */
function mustFit({ path, columns }: RowFile, first: RowFile): void {
  const refuse = (reason: string) => fail('PREDICT_SCHEMA', { reason });
  for (const { name, type } of columns) {
    const own = first.columns.find((column) => column.name === name);
    if (own === undefined) throw refuse(`${path} has the column '${name}', and ${first.path} has not`);
    if (own.type !== type) throw refuse(`the column '${name}' is ${type} in ${path}, and ${own.type} in ${first.path}`);
  }
  const lost = first.columns.find(({ name }) => !columns.some((column) => column.name === name));
  if (lost !== undefined) throw refuse(`${first.path} has the column '${lost.name}', and ${path} has not`);
}

function mustBeAbsent({ path, columns }: RowFile, folder: string): void {
  if (columns.some(({ name }) => name.toLowerCase() === folder.toLowerCase()))
    throw fail('PREDICT_SCHEMA', { reason: `the column '${folder}' is in ${path} and in the name of its folder` });
}

/** Texts such as `True`, which pandas writes, are no numbers to a model. */
async function withBooleans(
  connection: DuckDBConnection,
  { relation, columns }: RowFile,
  texts: ReadonlySet<string>,
): Promise<string> {
  const list = BOOLEAN_TEXTS.map(quotedText).join(', ');
  const tests = columns.map(({ name }) => `BOOL_AND(${quotedName(name)} IN (${list}))`);
  const [found = []] = await rowsOf(connection, `SELECT ${tests.join(', ')} FROM ${relation}`);
  const booleans = columns.flatMap(({ name }, i) =>
    found[i] === true && !texts.has(name) ? [`CAST(${quotedName(name)} AS BOOLEAN) AS ${quotedName(name)}`] : [],
  );
  return booleans.length === 0 ? relation : `(SELECT * REPLACE (${booleans.join(', ')}) FROM ${relation})`;
}
