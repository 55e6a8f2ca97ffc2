import type { HeadraceError } from '../../base/errors/fail.ts';
import type { PartKind } from '../../observe/part-kind.ts';

export interface LogSource {
  /** The error of the newest append; null where it succeeded. */
  readonly untaken: () => HeadraceError | null;
  /** Free bytes of the disk of the directory; null where the system does not say. */
  readonly freeBytes: () => number | null;
}

/** With less than this free the log may not take the next events, bytes. */
const LEAST_FREE_BYTES = 16 * 2 ** 20;

/** The event log as a place to write to. Vectors are read all the same. */
export const logPart: PartKind<LogSource, object> = {
  name: 'log',
  figures: [
    {
      name: 'headrace_disk_free_bytes',
      type: 'gauge',
      unit: 'bytes',
      labels: [],
      help: 'Free bytes of the disk that has the directory of the environment',
      alerts: [
        {
          name: 'HeadraceDiskFull',
          expr: `headrace_disk_free_bytes < ${LEAST_FREE_BYTES}`,
          for: '0m',
          severity: 'page',
          summary:
            'The disk has {{ $value | humanize1024 }}B left: events are rejected once it is full. Free space, or lower disk.bytes.',
        },
      ],
      read: ({ freeBytes }) => {
        const free = freeBytes();
        return free === null ? [] : [[{}, free]];
      },
    },
  ],
  health: ({ untaken, freeBytes }) => {
    const error = untaken();
    if (error !== null) return [`the last events were not taken: ${error.message}`];
    const free = freeBytes();
    return free === null || free >= LEAST_FREE_BYTES
      ? []
      : [`the disk has ${free} bytes left: events are refused once it is full`];
  },
};
