import { runBatchWorker } from '../serving/batch/batch-worker-main.ts';
import { type BatchPlace, batchTools } from './batch-worker-tools.ts';

// A worker process of batch jobs. Its argument is the part of the environment that it needs, as JSON.
const place: BatchPlace = JSON.parse(process.argv[2] ?? '');
runBatchWorker(() => batchTools(place));
