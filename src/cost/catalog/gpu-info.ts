/** One accelerator, as a `GpuInfo` cell describes it. */
export interface GpuInfo {
  readonly memoryMibEach: number | null;
  /** The number was too small for MiB and was read as GB. */
  readonly unitFixed: boolean;
}

const LARGEST_GB = 1024;

/**
 * Reads a `GpuInfo` cell of a SkyPilot catalogue: a Python literal, in quotes with commas (AWS, Nebius, RunPod), or without (GCP). Only
 * the size of one accelerator is used: the printed total is not trusted, and the name is in another column.
 */
export function parseGpuInfo(cell: string): GpuInfo {
  const size = /'SizeInMiB': {0,4}(\d{1,9})/.exec(cell)?.[1];
  if (size === undefined) return { memoryMibEach: null, unitFixed: false };
  const value = Number(size);
  const unitFixed = value > 0 && value < LARGEST_GB;
  return { memoryMibEach: unitFixed ? value * 1024 : value > 0 ? value : null, unitFixed };
}
