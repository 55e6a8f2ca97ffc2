import { rows } from './row.ts';

/** Errors of the files of a GPU diagnosis. */
export const gpuErrors = rows({
  GPU_FILE: {
    message: 'the file {path} cannot be read: {reason}',
    hint: 'name an existing file that this process may read',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  GPU_FORMAT: {
    message: 'the file {path} has no known format',
    hint: 'see docs/reference/gpu-formats.md for the formats and the commands that write them',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  GPU_NOT_A_TRACE: {
    message: 'the file is not a profiler trace: {reason}',
    hint: 'pass the file that export_chrome_trace of torch.profiler writes',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  GPU_MEMORY_TIMELINE: {
    message: 'the file is a memory timeline, not a trace of GPU work',
    hint: 'pass the file that export_chrome_trace writes; a memory timeline has no durations',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  GPU_BINARY_REPORT: {
    message: 'the file is a binary {tool} report; {command} exports it',
    hint: 'run that command and pass its output',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  GPU_FILE_TOO_LARGE: {
    message: 'the file {path} is too large: {reason}',
    hint: 'pass a part of it, such as an hour of samples; if it is an archive, unpack it first',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  GPU_DAMAGED: {
    message: 'the {kind} cannot be read: {reason}',
    hint: 'export it again; see docs/reference/gpu-formats.md for the command',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  GPU_NO_DATA: {
    message: 'no file contains GPU data: {reason}',
    hint: 'record some with torch.profiler and ProfilerActivity.CUDA, or with nvidia-smi dmon -s putcm -o TD',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  GPU_NOT_COMPARABLE: {
    message: 'the two captures cannot be compared: {reason}',
    hint: 'record both on the same hardware with the same number of steps',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  GPU_NO_NVIDIA_SMI: {
    message: 'the command nvidia-smi is not on this machine',
    hint: 'run it on the machine with the GPUs and the NVIDIA driver, read an exporter with --dcgm URL, or name another command after --',
    retry: 'never',
    status: 400,
    exit: 2,
  },
});
