import { DuckDBInstance } from '@duckdb/node-api';
import type { Purchase, Request, Slice, Traffic } from './traffic.ts';

const FIELDS = ['user', 'item', 'at', 'price', 'quantity', 'category'] as const;
type Field = (typeof FIELDS)[number];

/** Column of the file by field of a purchase; without `quantity` a line is one piece, without `category` all are one. */
export type ColumnMap = Readonly<Partial<Record<Field, string>> & Record<'user' | 'item' | 'at' | 'price', string>>;

const DAY_MS = 86_400_000;
const SLICE = 2_000;
/** The newest lines are not history: they follow live. */
const LIVE_SHARE = 0.05;

export interface PurchaseLogOptions {
  /** CSV, compressed or not, or Parquet. */
  readonly path: string;
  readonly columns: ColumnMap;
  /** Epoch ms. The log is moved by whole days, so that its history ends within the day before. */
  readonly now: number;
  /** Of the lines that follow live. */
  readonly eventsPerSecond: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Parses `user=CustomerID,item=StockCode,at=InvoiceDate,price=UnitPrice`. Throws a sentence where that is no map. */
export function parseColumnMap(text: string): ColumnMap {
  const pairs = text.split(',').map((pair) => {
    const at = pair.indexOf('=');
    const [field, column] = [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    if (at < 0 || column === '' || !FIELDS.some((known) => known === field))
      throw new Error(`--map has "${pair}"; expected FIELD=COLUMN with a field of ${FIELDS.join(', ')}`);
    return [field, column] as const;
  });
  const { user, item, at, price, ...rest } = Object.fromEntries(pairs);
  if (user === undefined || item === undefined || at === undefined || price === undefined)
    throw new Error('--map names at least user, item, at and price');
  return { user, item, at, price, ...rest };
}

export interface PurchaseLog extends Traffic {
  readonly lines: number;
  /** Lines of the file without an item, a time or a price. */
  readonly leftOut: number;
}

/** A log of purchases as traffic. Throws a sentence where the file cannot be read by the map. Its lines in order of time, the newest of them live, stamped when they are sent. */
export async function purchaseLog(options: PurchaseLogOptions): Promise<PurchaseLog> {
  const { now, eventsPerSecond, random } = options;
  const { lines, leftOut } = await readLines(options);
  const historyLines = lines.length - Math.floor(lines.length * LIVE_SHARE);
  const history = lines.slice(0, historyLines);
  const movedMs = Math.floor((now - history[history.length - 1].at) / DAY_MS) * DAY_MS;
  let sent = historyLines;
  let sentAt = Number.NaN;
  let owed = 0;
  const asked = history.filter(({ user }) => user !== null);
  return {
    lines: lines.length,
    leftOut,
    *history() {
      for (let i = 0; i < historyLines; i += SLICE) {
        const purchases = history.slice(i, i + SLICE).map((line) => ({ ...line, at: line.at + movedMs }));
        yield { at: purchases[purchases.length - 1].at + 1, clicks: [], purchases };
      }
    },
    live(at: number): Slice {
      owed += Number.isNaN(sentAt) ? 0 : ((at - sentAt) * eventsPerSecond) / 1_000;
      sentAt = at;
      const purchases = lines.slice(sent, sent + Math.floor(owed)).map((line) => ({ ...line, at: at - 1 }));
      owed -= Math.floor(owed);
      sent += purchases.length;
      return { at, clicks: [], purchases };
    },
    openAt(at: number): void {
      sentAt = at;
    },
    request(): Request {
      const { user, item, category, price } = asked[Math.floor(random() * asked.length)];
      return { user: user ?? '', session: 's0', item, category, price: Number(price) };
    },
  };
}

async function readLines({ path, columns }: PurchaseLogOptions) {
  const rows = await readRows(path, purchaseColumns(columns));
  const whole = rows.filter(([, item, at, cost]) => item !== null && at !== null && cost !== null);
  if (!whole.some(([user]) => user !== null)) throw new Error(`${path} has no line with user, item, time and price`);
  const lines = whole.map(
    ([user, item, at, cost, pieces, amount, category], row): Purchase => ({
      id: `l${row}`,
      user: user === null ? null : String(user),
      item: String(item),
      at: Number(at),
      price: String(cost),
      quantity: Number(pieces),
      amount: String(amount),
      category: String(category),
    }),
  );
  return { lines: lines.sort((a, b) => a.at - b.at), leftOut: rows.length - whole.length };
}

function purchaseColumns(columns: ColumnMap): string {
  const quoted = (field: Field) => `"${columns[field]?.replaceAll('"', '""')}"`;
  const price = `CAST(${quoted('price')} AS DECIMAL(18, 3))`;
  const quantity = columns.quantity === undefined ? '1' : `coalesce(CAST(${quoted('quantity')} AS BIGINT), 1)`;
  return `CAST(${quoted('user')} AS VARCHAR), CAST(${quoted('item')} AS VARCHAR),
    CAST(epoch_ms(CAST(${quoted('at')} AS TIMESTAMP)) AS DOUBLE), CAST(${price} AS VARCHAR),
    CAST(${quantity} AS DOUBLE), CAST(${price} * ${quantity} AS VARCHAR),
    ${columns.category === undefined ? "'all'" : `coalesce(CAST(${quoted('category')} AS VARCHAR), 'none')`}`;
}

async function readRows(path: string, columns: string) {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  try {
    const read = path.endsWith('.parquet') ? 'read_parquet' : 'read_csv';
    const result = await connection.runAndReadAll(`SELECT ${columns} FROM ${read}('${path.replaceAll("'", "''")}')`);
    return result.getRows();
  } catch (error) {
    // The first line says what; the others show the SQL, which the user did not write.
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new Error(`${path} does not fit the map: ${reason}`, { cause: error });
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
