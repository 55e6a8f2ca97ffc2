/** An argument of an event; lists may be nested, as shapes are. */
export type CaptureValue = string | number | readonly CaptureValue[];

/** One event of a made-up profiler trace, in the format of PyTorch 2.3 and later. Microseconds. */
export interface CaptureEvent {
  readonly ph: 'X' | 'i';
  readonly cat: string;
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur: number;
  readonly args: Readonly<Record<string, CaptureValue>>;
}

/** A made-up trace of one rank. */
export interface Capture {
  readonly rank: number;
  readonly worldSize: number;
  readonly events: readonly CaptureEvent[];
}

/** The bytes of the file that `export_chrome_trace` would write. */
export function captureJson({ rank, worldSize, events }: Capture): string {
  return JSON.stringify({
    schemaVersion: 1,
    deviceProperties: [
      {
        id: 0,
        name: 'NVIDIA A100-SXM4-80GB',
        totalGlobalMem: 85_899_345_920,
        computeMajor: 8,
        computeMinor: 0,
        numSms: 108,
      },
    ],
    distributedInfo: { backend: 'nccl', rank, world_size: worldSize },
    with_stack: 1,
    traceEvents: events,
    traceName: `rank-${rank}.json`,
  });
}
