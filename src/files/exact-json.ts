/** Types of a guess that hold whole numbers beyond 64 bits: a double loses digits, and Parquet has no HUGEINT. */
const LOSSY = /^(DOUBLE|U?HUGEINT)$/;

/** Digits from which a whole number is looked at: a double holds shorter ones. */
const LONG = 16;

/**
 * The types of columns of JSON lines in which no whole number loses a digit: DOUBLE where it holds them all, otherwise UBIGINT,
 * DECIMAL(38, 0), or the text of the numbers.
 */
export async function exactTypes(
  query: (sql: string) => Promise<readonly (readonly unknown[])[]>,
  lines: string,
  columns: readonly { readonly name: string; readonly type: string }[],
): Promise<readonly string[]> {
  const doubtful = columns.filter(({ type }) => LOSSY.test(type));
  if (doubtful.length === 0) return columns.map(({ type }) => type);
  const names = doubtful.map(({ name }) => `'${name.replaceAll("'", "''")}': 'JSON'`);
  const facts = doubtful.flatMap(({ name }) => factsOf(`("${name.replaceAll('"', '""')}"->>'$')`));
  const [found = []] = await query(
    `SELECT ${facts.join(', ')} FROM read_json(${lines}, columns = {${names.join(', ')}})`,
  );
  return columns.map((column) => {
    const at = doubtful.indexOf(column);
    return at < 0 ? column.type : typeOf(found.slice(at * FACTS, (at + 1) * FACTS));
  });
}

/** Of the texts of a column: whether one is a whole number that no double holds, whether all are whole, unsigned of 64 bits, of 38 digits. */
function factsOf(text: string): readonly string[] {
  const isLong = `REGEXP_FULL_MATCH(${text}, '-?\\d{${LONG},}')`;
  const held = `TRY_CAST(TRY_CAST(${text} AS DOUBLE) AS HUGEINT) = TRY_CAST(${text} AS HUGEINT)`;
  return [
    `COALESCE(BOOL_OR(${isLong} AND NOT COALESCE(${held}, false)), false)`,
    `BOOL_AND(REGEXP_FULL_MATCH(${text}, '-?\\d+'))`,
    `BOOL_AND(CASE WHEN ${text} IS NOT NULL THEN TRY_CAST(${text} AS UBIGINT) IS NOT NULL END)`,
    `BOOL_AND(REGEXP_FULL_MATCH(${text}, '-?\\d{1,38}'))`,
  ];
}

const FACTS = 4;

function typeOf([isLost, areWhole, areUnsigned, areShort]: readonly unknown[]): string {
  if (isLost !== true) return 'DOUBLE';
  if (areWhole !== true || areShort !== true) return 'VARCHAR';
  return areUnsigned === true ? 'UBIGINT' : 'DECIMAL(38,0)';
}
