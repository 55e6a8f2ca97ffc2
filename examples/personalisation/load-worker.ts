import { parentPort, workerData } from 'node:worker_threads';
import { load } from './open-loop.ts';

// The load in a thread of its own, so that it waits for nobody.
parentPort?.postMessage(await load(workerData));
