import { plainNumber, wholeLines } from './csv.ts';

/** One training iteration of a Megatron log. */
export interface LoggedIteration {
  readonly iteration: number;
  readonly elapsedMs: number;
  readonly globalBatch: number;
}

/** Lines `iteration N/ M | … | elapsed time per iteration (ms): X | … | global batch size: B | …` of a Megatron log. */
export function parseMegatronLog(text: string): readonly LoggedIteration[] {
  return wholeLines(text).flatMap((line) => {
    const elapsed = /elapsed time per iteration \(ms\): ([\d.]+)/.exec(line)?.[1];
    if (elapsed === undefined) return [];
    const iteration = /iteration\s+(\d+)\//.exec(line)?.[1];
    const globalBatch = /global batch size:\s+(\d+)/.exec(line)?.[1];
    return [
      {
        iteration: plainNumber(iteration),
        elapsedMs: plainNumber(elapsed),
        globalBatch: plainNumber(globalBatch),
      },
    ];
  });
}
