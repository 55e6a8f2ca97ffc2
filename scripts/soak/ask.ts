// Fills a directory, or opens it and prints its answers: exit 0 with answers, 3 with the code of an error. With `each` it opens every
// directory that a line names, and prints a line of JSON for it.
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import project, { clicks, purchases, recommendation } from '../../examples/personalisation/declaration.ts';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';

const [directory = '', what = 'ask'] = process.argv.slice(2);
const START = Date.UTC(2026, 0, 10);
const USERS = 60;

if (what !== 'each') {
  const { code, text } = await outcomeOf(directory, what);
  process.stdout.write(text);
  process.exitCode = code;
} else
  for await (const line of createInterface(process.stdin)) console.log(JSON.stringify(await outcomeOf(line, 'ask')));

/** 0 and the answers, or 3 and the code of an error; any other error ends the process. */
async function outcomeOf(place: string, asked: string): Promise<{ readonly code: 0 | 3; readonly text: string }> {
  const clock = () => START + 3_600_000;
  let text = '';
  try {
    const headrace = await openHeadrace({ project, environment: { directory: place, partitions: 2 }, clock });
    try {
      if (asked === 'fill') await fill(headrace);
      else text = await answers(headrace);
    } finally {
      await headrace.close();
    }
    return { code: 0, text };
  } catch (error) {
    if (!isHeadraceError(error)) throw error;
    return { code: 3, text: error.code };
  }
}

async function fill(headrace: Headrace): Promise<void> {
  for (let round = 0; round < 4; round += 1) {
    const at = START + round * 600_000;
    const of = (n: number) => ({ user: `u${n % USERS}`, item: `i${n % 37}`, category: `c${n % 5}` });
    const looked = Array.from({ length: 400 }, (_, n) => ({
      id: `c${round}-${n}`,
      at: at + n,
      ...of(n * 7 + round),
      session: `s${n % 90}`,
      price: '1.250',
    }));
    const bought = Array.from({ length: 150 }, (_, n) => ({
      id: `p${round}-${n}`,
      at: at + n,
      ...of(n * 3 + round),
      quantity: 1 + (n % 3),
      price: '2.500',
      amount: '5.000',
    }));
    await headrace.ingest(clicks, looked);
    await headrace.ingest(purchases, bought);
    await headrace.flush();
  }
  for (const view of project.views) if (view.kind === 'batchView') await headrace.backfill(view);
}

async function answers(headrace: Headrace): Promise<string> {
  const sum = createHash('sha256');
  for (let n = 0; n < USERS; n += 1) {
    const request = { user: `u${n}`, session: `s${n}`, item: `i${n % 37}`, category: `c${n % 5}`, price: 2 };
    const { features, missing } = await headrace.vector(recommendation, request);
    sum.update(JSON.stringify([features, missing]));
  }
  for (const source of [clicks, purchases]) {
    const sql = `SELECT * FROM ${headrace.deliveries(source)} ORDER BY id, _partition, _offset`;
    for await (const rows of headrace.history.query(sql))
      sum.update(JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? `${value}` : value)));
  }
  return sum.digest('hex');
}
