import { rows } from './row.ts';

/** What can be wrong with the files that a GPU diagnosis is made from. */
export const gpuErrors = rows({
  GPU_FILE: {
    message: 'the file {path} cannot be read: {reason}',
    mend: 'name a file that is there and may be read',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  GPU_FORMAT: {
    message: 'the file {path} is of no known kind',
    mend: 'see docs/reference/gpu-formats.md for the kinds that are read, and the commands that make them',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  GPU_NOT_A_TRACE: {
    message: 'this is no profiler trace: {reason}',
    mend: 'give the file that torch.profiler exports with export_chrome_trace',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  GPU_MEMORY_TIMELINE: {
    message: 'this is a memory timeline, not a trace of GPU work',
    mend: 'give the file of export_chrome_trace; the memory timeline says nothing about time',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  GPU_BINARY_REPORT: {
    message: 'this is a binary {tool} report, which {command} exports',
    mend: 'run that command and give its output',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  GPU_FILE_TOO_LARGE: {
    message: 'the file {path} is too large: {reason}',
    mend: 'give a part of it, such as an hour of samples; unpack it first, if it is what it claims to be',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  GPU_DAMAGED: {
    message: 'the {kind} cannot be read: {reason}',
    mend: 'export it again; see docs/reference/gpu-formats.md for the command',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  GPU_NO_DATA: {
    message: 'no file holds GPU data: {reason}',
    mend: 'collect some: torch.profiler with ProfilerActivity.CUDA, or nvidia-smi dmon -s putcm -o TD',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  GPU_NOT_COMPARABLE: {
    message: 'the two captures cannot be compared: {reason}',
    mend: 'record both on the same hardware with the same number of steps',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  GPU_NO_NVIDIA_SMI: {
    message: 'the command nvidia-smi is not on this machine',
    mend: 'run this where the GPUs are, with the NVIDIA driver installed; or read an exporter with --dcgm URL; or name another command after --',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  GPU_CALL: {
    message: 'the call of headrace gpu cannot be read: {reason}',
    mend: 'run headrace gpu --help',
    retry: 'never',
    status: 400,
    exit: 2,
  },
});
