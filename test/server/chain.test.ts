import { expect, test } from 'vitest';
import { runs } from '../runs.ts';
import { holdAgainstNode, openChain } from './chain/chain.ts';

// Many more: node --conditions=headrace-source scripts/fuzz-chain.ts
const RUNS = runs(800, 25_000);
const SEED = Number(process.env['HEADRACE_CHAIN_SEED'] ?? 1);

test.each([
  ['a thread that has the connections', false],
  ['a process that shares its port', true],
])(
  'read by %s, every answer is of its request whatever strangers send to reader and writer',
  {
    timeout: 3_600_000,
  },
  async (_, sharesPort) => {
    const chain = await openChain(sharesPort);
    try {
      const tally = await holdAgainstNode(chain.port, { count: RUNS, seed: SEED });
      expect(tally.conversations).toBe(RUNS);
      expect(tally.owned).toBeGreaterThan(tally.conversations / 4);
    } finally {
      await chain.close();
    }
  },
);
