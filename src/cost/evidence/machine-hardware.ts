import { outputOf } from '../../process/run-to-end.ts';

/** The GPUs of this machine by the names that their driver gives, each once; `stated`, or `CPU`, where no driver answers. */
export async function machineHardware(stated?: string): Promise<string> {
  const out = await outputOf(['nvidia-smi', '--query-gpu=name', '--format=csv,noheader']).catch(() => '');
  const names = out
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  return names.length === 0 ? (stated ?? 'CPU') : [...new Set(names)].join(', ');
}
