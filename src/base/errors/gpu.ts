import { never } from './row.ts';

/** Errors of the files of a GPU diagnosis. */
export const gpuErrors = {
  GPU_FILE: never(400, 2)
    .message('the file {path} cannot be read: {reason}')
    .hint('name an existing file that this process may read'),
  GPU_FORMAT: never(400, 3)
    .message('the file {path} has no known format')
    .hint('see docs/reference/gpu-formats.md for the formats and the commands that write them'),
  GPU_NOT_A_TRACE: never(400, 3)
    .message('the file is not a profiler trace: {reason}')
    .hint('pass the file that export_chrome_trace of torch.profiler writes'),
  GPU_MEMORY_TIMELINE: never(400, 3)
    .message('the file is a memory timeline, not a trace of GPU work')
    .hint('pass the file that export_chrome_trace writes; a memory timeline has no durations'),
  GPU_BINARY_REPORT: never(400, 3)
    .message('the file is a binary {tool} report; {command} exports it')
    .hint('run that command and pass its output'),
  GPU_FILE_TOO_LARGE: never(400, 3)
    .message('the file {path} is too large: {reason}')
    .hint('pass a part of it, such as an hour of samples; if it is an archive, unpack it first'),
  GPU_DAMAGED: never(400, 3)
    .message('the {kind} cannot be read: {reason}')
    .hint('export it again; see docs/reference/gpu-formats.md for the command'),
  GPU_NO_DATA: never(400, 3)
    .message('no file contains GPU data: {reason}')
    .hint('record some with torch.profiler and ProfilerActivity.CUDA, or with nvidia-smi dmon -s putcm -o TD'),
  GPU_NOT_COMPARABLE: never(400, 3)
    .message('the two captures cannot be compared: {reason}')
    .hint('record both on the same hardware with the same number of steps'),
  GPU_NO_NVIDIA_SMI: never(400, 2)
    .message('the command nvidia-smi is not on this machine')
    .hint(
      'run it on the machine with the GPUs and the NVIDIA driver, read an exporter with --dcgm URL, or name another command after --',
    ),
};
