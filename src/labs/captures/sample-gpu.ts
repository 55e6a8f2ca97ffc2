/**
 * The output of `nvidia-smi dmon -s putcm -o TD -d 1` for two GPUs at 45 % on average. They are allocated all the time, idle for
 * more than a third of it (115 of 300 seconds, or the given number), and busy but not full in the rest.
 */
export function dmonLog(random: () => number, idleSeconds = 115): string {
  return dmonLines((second, gpu) =>
    (second + 100 * gpu) % 300 < idleSeconds ? 0 : Math.round(72 + 16 * (random() - 0.5)),
  );
}

/** Seconds of a log of `dmonLines`. */
export const LOG_SECONDS = 600;

/** The same log of any utilisation: `smOf` has that of a GPU in a second, percent. */
export function dmonLines(smOf: (second: number, gpu: number) => number): string {
  const header =
    '#Date       Time        gpu    pwr  gtemp     sm    mem     fb\n#YYYYMMDD   HH:MM:SS    Idx      W      C      %      %     MB\n';
  const lines: string[] = [];
  for (let second = 0; second < LOG_SECONDS; second += 1) {
    const clock = new Date(Date.UTC(2026, 0, 5, 9, 0, second)).toISOString().slice(11, 19);
    for (const gpu of [0, 1]) {
      const sm = smOf(second, gpu);
      const idle = sm === 0;
      lines.push(
        ` 20260105   ${clock}      ${gpu}    ${idle ? 62 : 240}     41    ${String(sm).padStart(3)}    ${String(idle ? 0 : 28).padStart(3)}  31240`,
      );
    }
  }
  return `${header}${lines.join('\n')}\n`;
}

/**
 * The output of `sacct -P -N NODE` for the ten minutes of `dmonLog`: GPU 1 is held throughout; GPU 0 by two jobs, of which the
 * second could have started as soon as the first had ended.
 */
export function nodeJobRecords(): string {
  const job = (id: number, start: string, end: string, eligible: string) =>
    `${id}|COMPLETED|0:0|2026-01-05T${start}|2026-01-05T${end}|600|cpu=8,gres/gpu=1,mem=64G,node=1|2026-01-05T${eligible}|train`;
  return `${[
    'JobID|State|ExitCode|Start|End|ElapsedRaw|AllocTRES|Eligible|JobName',
    job(7001, '09:01:55', '09:05:00', '09:01:50'),
    job(7002, '08:50:00', '09:10:00', '08:49:00'),
    job(7003, '09:06:55', '09:10:00', '09:05:00'),
  ].join('\n')}\n`;
}
