import { causes } from '../../gpu/finding.ts';
import { type Command, command, served } from '../command.ts';
import { diagnoseOptions, watchOptions } from '../gpu/gpu-options.ts';
import { parseValue } from '../options/option.ts';
import { choice } from '../options/option-kinds.ts';

/** The commands of `headrace gpu`: apart from the others, as a diagnosis does not wait for them. */
export const gpuCommands: readonly Command[] = [
  command({
    name: ['gpu', 'diagnose'],
    summary: 'ranks what limits the GPUs, from traces, counters and scheduler records',
    words: '<file or folder>…',
    arity: [1, Number.POSITIVE_INFINITY],
    options: diagnoseOptions,
    run: async (call) => (await import('../gpu/run-gpu.ts')).runDiagnose(call),
  }),
  command({
    name: ['gpu', 'compare'],
    summary: 'compares two traces of the same hardware: the verdict, and the causes that went, stayed and came',
    words: '<before> <after>',
    arity: [2, 2],
    run: async (call) => (await import('../gpu/run-gpu.ts')).runCompare(call),
  }),
  command({
    name: ['gpu', 'explain'],
    summary: 'explains a cause: its evidence, its fix, and what would disprove it',
    words: causes.join('|'),
    arity: [1, 1],
    run: async (call) =>
      (await import('../gpu/run-gpu.ts')).runExplain(call, parseValue('cause', choice(causes), call.words[0])),
  }),
  command({
    name: ['gpu', 'watch'],
    stop: [served()],
    summary: 'prints a rolling decomposition, from nvidia-smi dmon or a DCGM exporter',
    words: '[-- <command to run instead of nvidia-smi>…]',
    arity: [0, Number.POSITIVE_INFINITY],
    options: watchOptions,
    run: async (call) => (await import('../gpu/run-gpu.ts')).runWatch(call),
  }),
];
