import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runGpuCommand } from '../../src/gpu/command.ts';
import { writeCaptures } from './captures.ts';

/** What a call prints, in a folder with the captures of the guide. */
async function output(folder: string, args: readonly string[]): Promise<string> {
  let text = '';
  const io = {
    out: (part: string) => {
      text += part;
    },
    err: () => {},
    clock: () => 0,
    stopped: new Promise<void>(() => {}),
  };
  await runGpuCommand(
    args.map((word) => (/\.(json|txt|csv|psv)$/.test(word) ? join(folder, word) : word)),
    io,
  );
  return text.replaceAll(`${folder}/`, '').trimEnd();
}

/** The page, with what every command prints. */
export async function guidePage(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-gpu-guide-'));
  try {
    writeCaptures(folder);
    const run = async (...args: readonly string[]) =>
      `\`\`\`sh\nnpx headrace gpu ${args.join(' ')}\n\`\`\`\n\n\`\`\`text\n${await output(folder, args)}\n\`\`\``;
    return `# The cluster is at 45 %: why, and what to do

The number on the dashboard is a mean over GPUs and hours. This page takes it apart in the order in which a cause is cheapest to
find, each step a command with what it prints. The captures are made by the repository itself, so that every line can be had again
in a checkout of it:

\`\`\`sh
npm ci
npm run build
npm run example scripts/gpu/captures.ts captures
cd captures
\`\`\`

Written by \`npm run example scripts/gpu/guide.ts\`; a test holds it to what the commands print.

## 1. Take the number apart

Utilisation is allocated × non-idle × busy. The same mean comes from half-busy GPUs and from full ones that nobody uses half of the
time, and the two need different work. Sample each second; once a minute names no cause.

${await run('diagnose', 'dmon.txt')}

Idle is not the same as held and idle. Beside the jobs of the same node and time (\`sacct -P -N NODE …\`), what no job held stands
apart, and so does the time in which a job that would have fitted waited:

${await run('diagnose', 'dmon.txt', 'node-jobs.psv')}

Whose the GPUs are, process by process:

${await run('diagnose', 'pmon.txt')}

More than a third of the time the GPUs do nothing, held or not: that is a matter of scheduling, and no profiler will find it. The rest
of the way to 100 % is inside the jobs. Both are followed below.

## 2. Scheduling: idle allocations, lost jobs, pods that wait

${await run('diagnose', 'jobs.psv')}

Steps of jobs (\`.batch\`) repeat the allocation and are not counted twice. Of a pod list, the last phase says nothing about any
moment; GPUs in use come from a sweep over times:

${await run('diagnose', 'pods.csv', 'nodes.csv')}

What to change: a limit for idle allocations, gang scheduling, packing. The gain is GPU-hours at their price, not a speed-up. With
a limit of 30 seconds for idle allocations, the same two GPUs look like this; what is still missing to 100 % is inside the jobs:

${await run('diagnose', 'dmon-after.txt')}

## 3. Inside a job: record some steps

\`\`\`python
from torch.profiler import ProfilerActivity, profile, schedule

with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA], schedule=schedule(wait=1, warmup=3, active=5),
             record_shapes=True, with_stack=True) as prof:
    for batch in loader:
        train(batch)
        prof.step()
prof.export_chrome_trace("trace.json.gz")
\`\`\`

A healthy one says so, and nothing is advised for it:

${await run('diagnose', 'healthy.json')}

## 4. The GPU waits for data

${await run('diagnose', 'loader.json')}

The wait is the part of a gap in which nothing had been submitted, charged to the frame in which the launching thread was. After the
change, compare medians of steps of the same hardware:

${await run('compare', 'loader.json', 'healthy.json')}

## 5. The GPU waits for launches

${await run('diagnose', 'launches.json')}

With the step in a CUDA graph:

${await run('compare', 'launches.json', 'healthy.json')}

## 6. The host waits for the GPU, and then the GPU for the host

Reading a result back (\`.item()\`, \`.cpu()\`, a comparison in Python) empties the queue: the gap looks like slow launching, but it
begins where a small copy to the host ends.

${await run('diagnose', 'read-back.json')}

With the loss kept on the GPU and read back once a step:

${await run('compare', 'read-back.json', 'healthy.json')}

Copies that no computation hides are the same cause; memory that is pinned already is not advised to be pinned:

${await run('diagnose', 'copies.json')}

With pinned memory, and smaller batches of bytes that are converted on the GPU:

${await run('compare', 'copies.json', 'healthy.json')}

## 7. Several GPUs: the wire or a late rank

Give the traces of all ranks. The shortest time of a collective over ranks is the time on the wire; all else is waiting for the
last to arrive, and no network setting mends that.

${await run('diagnose', 'late-0.json', 'late-1.json', 'late-2.json', 'late-3.json')}

With the work of rank 2 made even, seen from rank 0:

${await run('compare', 'late-0.json', 'even-0.json')}

Where the ranks arrive together and the collective itself is long, it is the wire, and what helps is computing meanwhile:

${await run('diagnose', 'wire-0.json', 'wire-1.json', 'wire-2.json', 'wire-3.json')}

With the reduction under the backward pass, seen from rank 0:

${await run('compare', 'wire-0.json', 'even-0.json')}

## 8. The GPU is busy: are its kernels good?

Only now, with the gaps closed, do kernels matter.

${await run('diagnose', 'precision.json')}

Nsight Compute says what limits a kernel, the trace how much of the step it is:

${await run('diagnose', 'precision.json', 'kernels.csv')}

With \`torch.autocast\`:

${await run('compare', 'precision.json', 'healthy.json')}

## 9. The kernels wait for memory

A trace with \`record_shapes=True\` tells what each operator has to compute and to move, and so what it could reach on this
device: operations and bytes by shape, beside the peaks of its data sheet.

${await run('diagnose', 'bandwidth.json')}

With both operands of \`aten::add\` in the same memory layout:

${await run('compare', 'bandwidth.json', 'healthy.json')}

## 10. More

\`headrace gpu explain CAUSE\` tells how a cause is found, what to run, and which gains have been published. \`--html report.html\`
writes a page with the timeline; \`--json\` is for programs. \`headrace gpu watch\` keeps the decomposition of step 1 rolling, from
nvidia-smi or a DCGM exporter; its tests replay recorded output, since they run where no GPU is.

What the rules are held against: [numbers of other tools](../reference/gpu-parity.md), [made-up captures](../reference/gpu-confusion.md).
What can be read: [formats](../reference/gpu-formats.md).
`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  writeFileSync('docs/guide/gpu-at-45-percent.md', await guidePage());
  console.log('docs/guide/gpu-at-45-percent.md is written');
}
