import { bytesText } from '../../observe/bytes-text.ts';
import { type PartKind, samplesBy } from '../../observe/part-kind.ts';
import type { DiskReport } from './disk-budget.ts';

export interface DiskStatus {
  readonly disk: DiskReport;
}

/** Disk space: the bytes on the disk, and the declared budgets. */
export const diskPart: PartKind<{ report(): DiskReport }, DiskStatus> = {
  name: 'disk',
  figures: [
    {
      name: 'headrace_disk_bytes',
      type: 'gauge',
      unit: 'bytes',
      labels: ['part'],
      help: 'What is on the disk as of the last flush: log, events, tiles, batch, served, predictions, monitoring, elsewhere',
      alerts: [
        {
          name: 'HeadraceDiskNearBudget',
          expr: 'sum without (part) (headrace_disk_bytes) > on (instance, job) group_left () 0.9 * headrace_disk_budget_bytes{budget="total"}',
          for: '30m',
          severity: 'ticket',
          summary:
            'The directory uses {{ $value | humanize1024 }}B, over 90 % of its disk budget. Raise disk.bytes or shorten the retention.',
        },
      ],
      read: (disk) => {
        const { kept, elsewhereBytes } = disk.report();
        return samplesBy({}, 'part', { ...kept, elsewhere: elsewhereBytes });
      },
    },
    {
      name: 'headrace_disk_day_bytes',
      type: 'gauge',
      unit: 'bytes',
      labels: ['part'],
      help: 'What the UTC day has added to log and history by the last flush',
      read: (disk) => samplesBy({}, 'part', disk.report().today),
    },
    {
      name: 'headrace_disk_budget_bytes',
      type: 'gauge',
      unit: 'bytes',
      labels: ['budget'],
      help: 'Declared disk budgets: total and day',
      read: (disk) => {
        const { bytes, bytesPerDay } = disk.report();
        const total = bytes === null ? {} : { total: bytes };
        return samplesBy({}, 'budget', { ...total, ...(bytesPerDay === null ? {} : { day: bytesPerDay }) });
      },
    },
    {
      name: 'headrace_disk_trimmed_bytes_total',
      type: 'counter',
      unit: 'bytes',
      labels: ['part'],
      help: 'What was trimmed because the whole was beyond its budget',
      read: (disk) => samplesBy({}, 'part', disk.report().trimmed),
    },
    {
      name: 'headrace_disk_refused_events_total',
      type: 'counter',
      unit: 'events',
      labels: [],
      help: 'Events that were refused because a disk budget was used up',
      alerts: [
        {
          name: 'HeadraceDiskRefusesEvents',
          expr: 'increase(headrace_disk_refused_events_total[5m]) > 0',
          for: '0m',
          severity: 'page',
          summary: 'Events are refused because a disk budget is used up. Raise disk.bytes or disk.bytesPerDay.',
        },
      ],
      read: (disk) => [[{}, disk.report().refusedEvents]],
    },
    {
      name: 'headrace_disk_skipped_rows_total',
      type: 'counter',
      unit: 'rows',
      labels: [],
      help: 'Served vectors and refused events that were not logged because a disk budget was used up',
      read: (disk) => [[{}, disk.report().skippedRows]],
    },
  ],
  health: (disk) => degradedDisk(disk.report()),
  status: (disk) => ({ disk: disk.report() }),
  lines: ({ disk }) => ['disk', ...diskLines(disk)],
};

function degradedDisk({ over, refusedEvents, skippedRows }: DiskReport): readonly string[] {
  if (over === null) return [];
  const budget = over === 'day' ? 'the disk budget of the day is used up' : 'the disk budget is used up';
  return [`${budget}: ${refusedEvents} events were refused and ${skippedRows} logged rows left out since the start`];
}

function diskLines(disk: DiskReport): readonly string[] {
  const { bytes, bytesPerDay, keptBytes, todayBytes, todayRecords, yesterdayBytes, trimmed, over } = disk;
  const after = (parts: string) => (parts === '' ? '' : `: ${parts}`);
  const kept = after(partsText({ ...disk.kept, elsewhere: disk.elsewhereBytes }));
  const today = after(partsText(disk.today));
  const perEvent = todayRecords === 0 ? '' : `, ${Math.round(todayBytes / todayRecords)} bytes an event`;
  const gone = partsText(trimmed);
  return [
    `  kept ${bytesText(keptBytes)}${ofBudget(bytes, over === 'total')}${kept}`,
    `  today ${bytesText(todayBytes)}${ofBudget(bytesPerDay, over === 'day')}${today}${perEvent}; yesterday ${bytesText(yesterdayBytes)}`,
    ...(gone === '' ? [] : [`  trimmed since the start: ${gone}`]),
    ...(disk.refusedEvents + disk.skippedRows === 0
      ? []
      : [`  ${disk.refusedEvents} events refused, ${disk.skippedRows} logged rows left out since the start`]),
  ];
}

function ofBudget(budget: number | null, exceeded: boolean): string {
  return budget === null ? '' : ` of ${bytesText(budget)}${exceeded ? ' EXCEEDED' : ''}`;
}

function partsText(parts: Readonly<Record<string, number>>): string {
  return Object.entries(parts)
    .filter(([, bytes]) => bytes > 0)
    .map(([part, bytes]) => `${part} ${bytesText(bytes)}`)
    .join(', ');
}
