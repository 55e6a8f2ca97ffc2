import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ended, startCli } from '../cli/run-cli.ts';
import { runs } from '../runs.ts';
import { until } from '../until.ts';
import { FaultWire } from './fault-wire.ts';
import { RespStandIn } from './resp-stand-in.ts';
import { closesWhile, formOf, shopFolder } from './serve-away.ts';

let server: RespStandIn;
let wire: FaultWire;

beforeAll(async () => {
  server = await RespStandIn.open();
  wire = await FaultWire.open(server.port);
});

afterAll(async () => {
  await wire.close();
  await server.close();
});

const environment = () => ({ online: { kind: 'redis', url: `redis://127.0.0.1:${wire.port}`, timeout: '300ms' } });

const ends = [
  ['serve', 'away'],
  ['dev', 'stalled'],
] as const;

// Every form and fault is tried on a server, in test/services.
test.each(ends.slice(0, runs(1, ends.length)))(
  '%s ends while its Redis is %s, names what is not committed, and has it at the next start',
  (words, state) => closesWhile(formOf(words), state, { wire, environment: environment() }),
);

test('a process that is asked to stop while it opens ends', async () => {
  const folder = shopFolder(environment());
  await wire.set('stalled');
  try {
    const child = startCli(folder, ['serve', '--port', '0']);
    const end = ended(child);
    await until(() => wire.connections > 0);
    child.kill('SIGTERM');
    expect((await end).out).toBe('');
    expect(child.signalCode, 'it has nothing to close yet').toBe('SIGTERM');
  } finally {
    await wire.set('whole');
    rmSync(folder, { recursive: true, force: true });
  }
});
