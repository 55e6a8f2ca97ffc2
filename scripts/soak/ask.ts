// Fills a directory, or opens it and prints its answers: exit 0 with answers, 3 with the code of an error.
import { createHash } from 'node:crypto';
import project, { clicks, purchases, recommendation } from '../../examples/personalisation/declaration.ts';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';

const [directory = '', what = 'ask'] = process.argv.slice(2);
const START = Date.UTC(2026, 0, 10);
const USERS = 60;

try {
  const clock = () => START + 3_600_000;
  const headrace = await openHeadrace({ project, environment: { directory, partitions: 2 }, clock });
  try {
    if (what === 'fill') await fill(headrace);
    else process.stdout.write(await answers(headrace));
  } finally {
    await headrace.close();
  }
} catch (error) {
  if (!isHeadraceError(error)) throw error;
  process.stdout.write(error.code);
  process.exitCode = 3;
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
