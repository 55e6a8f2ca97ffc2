import { join } from 'node:path';
import { command } from '../command.ts';
import { option } from '../options/option.ts';
import { whole } from '../options/option-kinds.ts';
import { evidenceOfCall, folderOf, runOptions, specOf } from '../training/run-options.ts';

const { drill: _drill, progress: _progress, ...drillOptions } = runOptions;

export const trainDrill = command({
  name: ['train', 'drill'],
  summary: 'proves that a program resumes after kills, and measures checkpoint and restart',
  words: '-- <program> …',
  arity: [1, Number.POSITIVE_INFINITY],
  options: { ...drillOptions, steps: option(whole(4), 'steps of each of its five runs', 100) },
  async run(call) {
    const { drill } = await import('../../training/runner/drill.ts');
    const { localTraining, lockRun } = await import('../../site/back-ends/training-systems.ts');
    const { fail } = await import('../../base/errors/fail.ts');
    const spec = specOf(call);
    const folder = folderOf(call);
    const lock = lockRun(folder);
    try {
      const result = await drill({
        folder: join(folder, 'drill'),
        evidence: await evidenceOfCall(call, spec),
        spec: { ...spec, checkpointSeconds: spec.checkpointSeconds ?? 0.2 },
        steps: call.options.steps,
        open: (run) => localTraining(run),
        onLine: call.terminal.err,
      });
      call.terminal.out(call.json ? JSON.stringify(result) : drillText(result));
      if (!result.passed) throw fail('DRILL_FAILED', { problems: result.problems });
    } finally {
      lock.release();
    }
  },
});

function drillText(result: {
  passed: boolean;
  checkpointSeconds: number | null;
  restartSeconds: number | null;
  checkpointBytes: number | null;
}): string {
  const { passed, checkpointSeconds, restartSeconds, checkpointBytes } = result;
  const seconds = (value: number | null) => (value === null ? 'not seen' : `${value.toFixed(3)} s`);
  return [
    passed ? 'the program resumes' : 'the program does not resume',
    `checkpoint ${seconds(checkpointSeconds)}, ${checkpointBytes ?? 0} bytes; restart ${seconds(restartSeconds)}`,
  ].join('\n');
}
