import { batchTools } from '../compose/batch-tools.ts';
import { runBatchWorker } from '../serving/batch/batch-worker-main.ts';

// A worker process of batch jobs. Its argument is the directory of the environment.
const [directory = '.headrace'] = process.argv.slice(2);
runBatchWorker(async () => batchTools(directory));
