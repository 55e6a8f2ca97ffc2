import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { seededRandom } from '../../src/base/rng.ts';
import { captureJson } from '../../src/labs/captures/capture.ts';
import { type FaultKind, trainingRun } from '../../src/labs/captures/training-run.ts';
import { gangWaitPods } from '../../test/gpu/captures/cluster.ts';
import { dmonLog, jobRecords, kernelMeasures, nodeJobRecords, pmonLog } from '../../test/gpu/captures/counters.ts';

/** The captures of the guide, one fault each, the same at every call: traces, counters, records. */
export function writeCaptures(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const traces = (name: string, fault: FaultKind, ranks: number) => {
    const options = { fault, share: 0.38, steps: 6, kernelsPerStep: 80, kernelUs: 90, ranks, random: seededRandom(45) };
    for (const capture of trainingRun(options))
      write(ranks === 1 ? `${name}.json` : `${name}-${capture.rank}.json`, captureJson(capture));
  };
  traces('healthy', 'none', 1);
  traces('loader', 'data-pipeline', 1);
  traces('launches', 'launch-overhead', 1);
  traces('read-back', 'hidden-sync', 1);
  traces('copies', 'transfer', 1);
  traces('precision', 'precision', 1);
  traces('bandwidth', 'memory-bandwidth', 1);
  traces('late', 'straggler', 4);
  traces('even', 'none', 4);
  traces('wire', 'exposed-communication', 4);
  write('dmon.txt', dmonLog(seededRandom(45)));
  write('dmon-after.txt', dmonLog(seededRandom(45), 15));
  write('pmon.txt', pmonLog(seededRandom(45)));
  write('node-jobs.psv', nodeJobRecords());
  write('jobs.psv', jobRecords(seededRandom(45)));
  const { pods, nodes } = gangWaitPods(seededRandom(45));
  write('pods.csv', pods);
  write('nodes.csv', nodes);
  write('kernels.csv', kernelMeasures());
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const folder = process.argv[2] ?? 'captures';
  writeCaptures(folder);
  console.log(`captures are in ${folder}`);
}
