/** Words of device names that are not the name of a chip. */
const makers = new Set(['NVIDIA', 'TESLA', 'GEFORCE', 'AMD', 'INSTINCT', 'QUADRO', 'RTX', 'GTX', 'GRAPHICS', 'INTEL']);

/** An accelerator by its chip and, where the name says it, its memory. */
interface Hardware {
  readonly chip: string;
  readonly memoryGb: number | null;
}

/** `A100` with 40 GB of `NVIDIA A100-SXM4-40GB`; `T4` of `Tesla T4`; the whole name where no part of it looks like a chip. */
function hardwareOf(name: string): Hardware {
  const words = name
    .toUpperCase()
    .split(/[^A-Z0-9]+/)
    .filter((word) => word !== '' && !makers.has(word));
  const chip = words.find((word) => /^[A-Z]{0,3}\d{1,4}[A-Z]{0,3}$/.test(word) && !word.endsWith('GB'));
  const memory = words.find((word) => /^\d{1,4}GB$/.test(word));
  return {
    chip: chip ?? words.join(' '),
    memoryGb: memory === undefined ? null : Number(memory.slice(0, -2)),
  };
}

/** The chip of an accelerator by any of its names. */
export function chipOf(name: string): string {
  return hardwareOf(name).chip;
}

/** Whether two names are of one accelerator. A memory that one name alone has is not compared. */
export function sameHardware(one: string, other: string): boolean {
  const [a, b] = [hardwareOf(one), hardwareOf(other)];
  return a.chip === b.chip && (a.memoryGb === null || b.memoryGb === null || a.memoryGb === b.memoryGb);
}
