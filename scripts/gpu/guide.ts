import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writeCaptures } from './captures.ts';
import { runGpu } from './run-gpu.ts';

/** What a call prints, in a folder with the captures of the guide. */
async function output(folder: string, args: readonly string[]): Promise<string> {
  const text = await runGpu(args.map((word) => (/\.(json|txt|csv|psv)$/.test(word) ? join(folder, word) : word)));
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

\`\`\`mermaid
flowchart LR
  u[Utilisation] --> a[Allocated] --> n[Non-idle] --> w[Waits in the step] --> k[Kernels] --> b[Memory]
\`\`\`

The number on the dashboard is a mean over GPUs and hours. This page takes it apart, cheapest cause first. Each step is a command and
its output. The repository generates the captures, so you can reproduce every line in a checkout:

\`\`\`sh
npm ci
npm run build
npm run example scripts/gpu/captures.ts captures
cd captures
\`\`\`

\`npm run example scripts/gpu/guide.ts\` writes this page, and a test compares it with the output of the commands.

## 1. Take the number apart

Utilisation is allocated × non-idle × busy. Half-busy GPUs and full GPUs that are idle half of the time have the same mean, but need
different fixes. Sample once a second; samples once a minute show no cause.

In a folder without Headrace, \`npx\` needs its package: \`npx --package ./headrace-0.2.0.tgz headrace gpu diagnose …\`.

${await run('diagnose', 'dmon.txt')}

An idle GPU is not always held by a job. With the jobs of the same node and time (\`sacct -P -N NODE …\`), the report separates the time
that no job held. It also separates the time in which a job waited that would have fitted:

${await run('diagnose', 'dmon.txt', 'node-jobs.psv')}

Find the owners of the GPUs, process by process:

${await run('diagnose', 'pmon.txt')}

The GPUs are idle for more than a third of the time, held or not. Scheduling causes this, and no profiler finds it. The rest of the loss
is inside the jobs. The next sections follow both.

## 2. Scheduling: idle allocations, lost jobs, pods that wait

${await run('diagnose', 'jobs.psv')}

Steps of jobs (\`.batch\`) repeat the allocation and are not counted twice. In a pod list, the last phase says nothing about any one
moment. A sweep over times counts the GPUs in use:

${await run('diagnose', 'pods.csv', 'nodes.csv')}

The fixes are a limit for idle allocations, gang scheduling and packing. The gain is GPU-hours at their price, not a speed-up. With a
limit of 30 seconds for idle allocations, the same two GPUs look like this. The remaining loss is inside the jobs:

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

A healthy trace gets no advice:

${await run('diagnose', 'healthy.json')}

## 4. The GPU waits for data

${await run('diagnose', 'loader.json')}

The wait is the part of a gap in which no work was submitted. It is charged to the current frame of the launching thread. After the
change, compare medians of steps on the same hardware:

${await run('compare', 'loader.json', 'healthy.json')}

## 5. The GPU waits for launches

${await run('diagnose', 'launches.json')}

With the step in a CUDA graph:

${await run('compare', 'launches.json', 'healthy.json')}

## 6. The host waits for the GPU, and then the GPU for the host

Reading a result back (\`.item()\`, \`.cpu()\`, a comparison in Python) empties the queue. The gap looks like slow launching, but it
begins at the end of a small copy to the host.

${await run('diagnose', 'read-back.json')}

With the loss kept on the GPU and read back once a step:

${await run('compare', 'read-back.json', 'healthy.json')}

Copies that no computation hides have the same cause. The advice to pin memory appears only where it is not pinned already:

${await run('diagnose', 'copies.json')}

With pinned memory, and smaller batches of bytes that are converted on the GPU:

${await run('compare', 'copies.json', 'healthy.json')}

## 7. Several GPUs: the wire or a late rank

Pass the traces of all ranks. The shortest time of a collective over all ranks is the time on the wire. The rest is waiting for the last
rank, and no network setting fixes that.

${await run('diagnose', 'late-0.json', 'late-1.json', 'late-2.json', 'late-3.json')}

With the work of rank 2 made even, seen from rank 0:

${await run('compare', 'late-0.json', 'even-0.json')}

If the ranks arrive together and the collective itself is long, the wire is the limit. Overlap it with computation:

${await run('diagnose', 'wire-0.json', 'wire-1.json', 'wire-2.json', 'wire-3.json')}

With the reduction under the backward pass, seen from rank 0:

${await run('compare', 'wire-0.json', 'even-0.json')}

## 8. The GPU is busy: are its kernels good?

Only now, with the gaps closed, do kernels matter.

${await run('diagnose', 'precision.json')}

Nsight Compute shows the limit of a kernel; the trace shows its share of the step:

${await run('diagnose', 'precision.json', 'kernels.csv')}

With \`torch.autocast\`:

${await run('compare', 'precision.json', 'healthy.json')}

## 9. The kernels wait for memory

A trace with \`record_shapes=True\` gives the operations and bytes of each operator by shape. Compared with the peaks of the device's data
sheet, they give the fastest possible time.

${await run('diagnose', 'bandwidth.json')}

With both operands of \`aten::add\` in the same memory layout:

${await run('compare', 'bandwidth.json', 'healthy.json')}

## 10. More

\`headrace gpu explain CAUSE\` describes how a cause is found, the next command, and published gains. \`--html report.html\` writes [a page](console.md#reports-as-files)
with the timeline; \`--json\` is for programs. \`headrace gpu watch\` repeats the decomposition of step 1 continuously, from nvidia-smi or a
DCGM exporter. Its tests replay recorded output, because they run without a GPU.

The rules are compared with [numbers of other tools](../reference/gpu-parity.md) and with
[generated captures](../reference/gpu-confusion.md). [Formats](../reference/gpu-formats.md) lists the readable files.
`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  writeFileSync('docs/guide/gpu-at-45-percent.md', await guidePage());
  console.log('docs/guide/gpu-at-45-percent.md is written');
}
