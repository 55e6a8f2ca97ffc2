import type { LoadedModel } from '../../../src/ports/model-runtime.ts';
import { runBatchWorker } from '../../../src/serving/batch/batch-worker-main.ts';
import { batchTools } from '../../../src/site/batch-worker-tools.ts';
import { sitePlace } from '../batch-site.ts';

// A worker whose model has rows that it cannot bear, by the value of `number`, its first input.
const [directory] = process.argv.slice(2);
const column = Number(process.argv[3]);

/** What a value does to the model. */
const poisons: Readonly<Record<number, () => void>> = {
  666: () => {
    throw new Error('the model does not take 666');
  },
  667: () => process.kill(process.pid, 'SIGKILL'),
  668: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
};

runBatchWorker(async () => {
  const tools = await batchTools(sitePlace(directory));
  return {
    ...tools,
    runtime: {
      ...tools.runtime,
      load: async (file): Promise<LoadedModel> => {
        const loaded = await tools.runtime.load(file);
        return {
          signature: loaded.signature,
          close: () => loaded.close(),
          run: async (inputs, outputs) => {
            const [{ data, shape }] = inputs;
            const [rows, width] = shape;
            const values = Array.from({ length: rows }, (_, row) => Number(data[row * width + column]));
            for (const value of values) poisons[value]?.();
            const found = await loaded.run(inputs, outputs);
            return found.map((tensor) =>
              tensor.type === 'FP32' && tensor.data instanceof Float32Array
                ? { ...tensor, data: tensor.data.map((score, row) => (values[row] === 669 ? Number.NaN : score)) }
                : tensor,
            );
          },
        };
      },
    },
  };
});
