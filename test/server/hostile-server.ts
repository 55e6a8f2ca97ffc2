import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileArtifactStore } from '../../src/backends/embedded/artifacts/file-artifact-store.ts';
import { functionModel } from '../../src/features/define/function-model.ts';
import { createKey } from '../../src/operating/api-keys.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { startGrpc } from '../../src/server/grpc/grpc-server.ts';
import { startServer } from '../../src/server/http-server.ts';
import { heldBytes } from '../../src/server/limits/held-bytes.ts';
import { openMlflowContext } from '../../src/server/mlflow/mlflow-context.ts';
import { startRegistryServer } from '../../src/server/mlflow/registry-server.ts';
import { openSqliteRegistry } from '../../src/site/open-registry.ts';
import { project } from './shop.ts';

/** What the process has cost so far: processor time of all its threads, and the most memory that it ever had. */
export interface Cost {
  readonly cpuMs: number;
  readonly peakBytes: number;
  /** Bytes of requests that the server holds. */
  readonly heldBytes: number;
}

/** Where the process serves; `keyed` is gRPC beyond this machine, `key` one that may read. */
export interface HostileSite {
  readonly http: string;
  readonly registry: string;
  readonly grpc: string;
  readonly keyed: string;
  readonly key: string;
}

const [US_PER_MS, BYTES_PER_KIB] = [1_000, 1_024];

const numbers = functionModel({
  name: 'numbers',
  inputs: [{ name: 'x', type: 'INT64', shape: [-1] }],
  outputs: [{ name: 'y', type: 'INT64', shape: [1] }],
  run: ({ x }) => ({ y: { shape: [1], data: BigInt64Array.of(BigInt(x.data.length)) } }),
});

const directory = mkdtempSync(join(tmpdir(), 'headrace-hostile-'));
const { text: key } = createKey(directory, { name: 'reader', scopes: ['read'], now: 0 });
const headrace = await openHeadrace({
  project,
  environment: { directory, partitions: 1, models: { functions: [numbers] } },
});
const onFault = (error: unknown) => process.send?.({ fault: String(error) });
const listen = { host: '127.0.0.1', port: 0 };
const server = await startServer(headrace, { ...listen, bodyLimit: 4 * 2 ** 20 });
const grpc = await startGrpc(headrace, listen);
const keyed = await startGrpc(headrace, { host: '0.0.0.0', port: 0, tlsAtProxy: true });
const context = openMlflowContext({
  registry: openSqliteRegistry(join(directory, 'registry.sqlite')),
  artifacts: new FileArtifactStore(join(directory, 'artifacts')),
  clock: Date.now,
  webhooks: [],
  checkPromotion: null,
  onFault,
});
const registry = await startRegistryServer(context, { ...listen, directory, version: '3.0.0', onFault });

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  const { maxRSS } = process.resourceUsage();
  process.send?.({
    cpuMs: (user + system) / US_PER_MS,
    peakBytes: maxRSS * BYTES_PER_KIB,
    heldBytes: heldBytes.bytes,
  } satisfies Cost);
});
process.once('disconnect', () => {
  rmSync(directory, { recursive: true, force: true });
  process.exit();
});
process.send?.({
  http: server.url,
  registry: registry.url,
  grpc: grpc.address,
  keyed: keyed.address.replace('0.0.0.0', '127.0.0.1'),
  key,
} satisfies HostileSite);
