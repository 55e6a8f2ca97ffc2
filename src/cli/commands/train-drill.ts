import { join } from 'node:path';
import type { Command } from '../command.ts';
import { wholeOption } from '../parse-option.ts';
import { evidenceOfCall, folderOf, helperFolder, runOptionHelp, runOptions, specOf } from '../run-options.ts';

const { drill: _drill, progress: _progress, ...drillOptions } = runOptions;
const { drill: _help, ...drillHelp } = runOptionHelp;

export const trainDrill: Command = {
  name: ['train', 'drill'],
  summary: 'proves that a program resumes after kills, and measures checkpoint and restart',
  words: '-- <program> …',
  arity: [1, Number.POSITIVE_INFINITY],
  options: drillOptions,
  help: { ...drillHelp, steps: 'steps of each of its five runs (100)' },
  async run(call) {
    const { drill } = await import('../../training/runner/drill.ts');
    const { localTraining, lockRun } = await import('../../compose/training-backends.ts');
    const { fail } = await import('../../base/errors/fail.ts');
    const spec = specOf(call);
    const folder = folderOf(call);
    const lock = lockRun(folder);
    try {
      const result = await drill({
        folder: join(folder, 'drill'),
        evidence: await evidenceOfCall(call, spec),
        spec: { ...spec, checkpointSeconds: spec.checkpointSeconds ?? 0.2 },
        steps: wholeOption('steps', call.options['steps'], 100, 4, Number.MAX_SAFE_INTEGER),
        open: (run) => localTraining(run, helperFolder()),
        onLine: call.terminal.err,
      });
      call.terminal.out(call.json ? JSON.stringify(result) : drillText(result));
      if (!result.passed) throw fail('DRILL_FAILED', { problems: result.problems });
    } finally {
      lock.release();
    }
  },
};

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
