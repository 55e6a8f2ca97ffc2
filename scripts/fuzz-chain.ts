// Holds conversations of hostile and honest clients with a reader and its writer against node:http, many more than the tests do:
// node --conditions=headrace-source scripts/fuzz-chain.ts [<conversations>] [<seed>] [<CPU seconds at most>] [<first>]
import { holdAgainstNode, openChain } from '../test/server/chain/chain.ts';

const [count = 1_000_000, seed = 1, cpuSeconds = 600, first = 0] = process.argv.slice(2).map(Number);
const STEP = 10_000;

let held = 0;
for (let from = first; from < first + count && cpuUsed() < cpuSeconds; from += STEP) {
  for (const sharesPort of [true, false]) {
    const chain = await openChain(sharesPort);
    const range = { from, count: Math.min(STEP, first + count - from), seed: seed + Number(sharesPort) };
    try {
      held += (await holdAgainstNode(chain.port, range)).conversations;
    } finally {
      await chain.close();
    }
  }
  console.log(`${held} conversations, ${Math.round(cpuUsed())} s of CPU`);
}

function cpuUsed(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000_000;
}
