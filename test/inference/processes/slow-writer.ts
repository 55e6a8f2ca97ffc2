import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ScoreFiles } from '../../../src/ports/score-files.ts';
import { runBatchWorker } from '../../../src/serving/batch/batch-worker-main.ts';
import { batchTools } from '../../../src/site/batch-worker-tools.ts';
import { until } from '../../until.ts';
import { sitePlace } from '../batch-site.ts';

// A worker whose writes wait for the file `go`. Each write adds a line to `writing`: the process that begins it.
const [directory] = process.argv.slice(2);

runBatchWorker(async () => {
  const tools = await batchTools(sitePlace(directory));
  const files: ScoreFiles = {
    ...tools.files,
    open: async (table, inputs) => {
      const opened = await tools.files.open(table, inputs);
      return {
        read: (from, to) => opened.read(from, to),
        close: () => opened.close(),
        write: async (scored, path) => {
          appendFileSync(join(directory, 'writing'), `${process.pid}\n`);
          await until(() => existsSync(join(directory, 'go')));
          await opened.write(scored, path);
        },
      };
    },
  };
  return { ...tools, files };
});
