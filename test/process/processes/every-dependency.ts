// Loads every package that Headrace uses, runs a model in each way, and ends. With `leaky`: does on purpose what no package may do.
import { lookup } from 'node:dns/promises';
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Packages without a module of their name: the one that Headrace loads. */
const ENTRIES: Readonly<Record<string, string>> = {
  '@modelcontextprotocol/sdk': '@modelcontextprotocol/sdk/server/mcp.js',
};

const root = new URL('../../../', import.meta.url);
const golden = readFileSync(new URL('test/models/formats/logistic-1.onnx', root));

if (process.argv[2] === 'leaky') {
  await lookup('asked.example').catch(() => undefined);
  writeFileSync(join(tmpdir(), 'left'), '');
  writeFileSync(join(process.env['HOME'] ?? '', '.device-id'), '');
} else {
  const { onnxRuntime } = await import('../../../src/backends/onnx/onnx-runtime.ts');
  const { onnxThreads } = await import('../../../src/backends/onnx/onnx-threads.ts');
  const { onnxProcesses } = await import('../../../src/backends/onnx/onnx-processes.ts');
  const { tryOutOnnx } = await import('../../../src/backends/onnx/try-out.ts');
  // The thread of a model keeps no process alive.
  setInterval(() => undefined, 1_000);
  // A thread first: nothing has turned telemetry off before it.
  for (const runtime of [onnxThreads, onnxProcesses, onnxRuntime]) await (await runtime.load(golden)).close();
  await tryOutOnnx(golden);
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
  const names = Object.keys({ ...dependencies, ...peerDependencies });
  for (const name of names) await import(ENTRIES[name] ?? name);
  console.log(`loaded ${names.length}`);
}
process.exit(0);
