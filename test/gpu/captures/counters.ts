export { dmonLog, nodeJobRecords } from '../../../src/labs/captures/sample-gpu.ts';

/**
 * The output of `nvidia-smi pmon -s um -o DT -d 1` for the same two GPUs: a training run on each, and on the first a notebook
 * that holds memory and computes nothing.
 */
export function pmonLog(random: () => number): string {
  const header =
    '#Date       Time        gpu         pid   type     sm    mem    enc    dec     fb    command\n#YYYYMMDD   HH:MM:SS    Idx           #    C/G      %      %      %      %     MB    name\n';
  const lines: string[] = [];
  for (let second = 0; second < 600; second += 1) {
    const clock = new Date(Date.UTC(2026, 0, 5, 9, 0, second)).toISOString().slice(11, 19);
    const row = (gpu: number, pid: number, sm: number, fb: number, command: string) =>
      lines.push(
        ` 20260105   ${clock}      ${gpu}       ${pid}      C    ${(sm === 0 ? '-' : String(sm)).padStart(3)}    ${sm === 0 ? '  -' : ' 28'}      -      -  ${fb}    ${command}`,
      );
    for (const gpu of [0, 1]) {
      const idle = (second + 100 * gpu) % 300 < 115;
      row(gpu, 4021 + gpu, idle ? 0 : Math.round(72 + 16 * (random() - 0.5)), 18_420, 'python');
      if (gpu === 0) row(gpu, 2977, 0, 12_820, 'ipykernel');
    }
  }
  return `${header}${lines.join('\n')}\n`;
}

/** The output of `sacct -P` for a week: most jobs complete, but many GPU-hours end in cancelled and failed ones. */
export function jobRecords(random: () => number): string {
  const rows = ['JobID|State|ExitCode|Start|End|ElapsedRaw|AllocTRES|Eligible|JobName'];
  for (let job = 0; job < 40; job += 1) {
    const state = job % 4 === 0 ? 'CANCELLED by 1004' : job % 7 === 0 ? 'FAILED' : 'COMPLETED';
    const seconds = 1800 + Math.floor(random() * 30_000);
    const start = Date.UTC(2026, 0, 5) + job * 3_600_000;
    const time = (ms: number) => new Date(ms).toISOString().slice(0, 19);
    const gpus = [1, 2, 4, 8][Math.floor(random() * 4)] ?? 1;
    const tres = `cpu=8,gres/gpu=${gpus},mem=64G,node=1`;
    rows.push(
      `${5000 + job}|${state}|0:0|${time(start)}|${time(start + seconds * 1000)}|${seconds}|${tres}|${time(start - 90_000)}|train`,
    );
    rows.push(
      `${5000 + job}.batch|${state}|0:0|${time(start)}|${time(start + seconds * 1000)}|${seconds}|${tres}||batch`,
    );
  }
  return `${rows.join('\n')}\n`;
}

/** The output of `ncu --csv --page details` for the single-precision kernel of a generated run. */
export function kernelMeasures(): string {
  const header =
    '"ID","Process ID","Process Name","Host Name","Kernel Name","Context","Stream","Block Size","Grid Size","Device","CC","Section Name","Metric Name","Metric Unit","Metric Value"';
  const row = (metric: string, unit: string, value: string) =>
    `"0","4242","python","host","void ampere_sgemm_128x128_nn(Params)","1","7","(256, 1, 1)","(216, 1, 1)","0","8.0","GPU Speed Of Light Throughput","${metric}","${unit}","${value}"`;
  return `==PROF== Connected to process 4242\n${[header, row('Compute (SM) Throughput', '%', '74.20'), row('Memory Throughput', '%', '41.10'), row('DRAM Throughput', '%', '22.70'), row('L2 Cache Throughput', '%', '41.10'), row('Duration', 'us', '180.30'), row('Theoretical Occupancy', '%', '25.00')].join('\n')}\n`;
}
