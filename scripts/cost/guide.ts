import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readJob } from '../../src/cost/plan/job.ts';
import { makePlan } from '../../src/cost/plan/make-plan.ts';
import type { CostPlan } from '../../src/cost/plan/plan.ts';
import { readPlanPrices } from '../../src/cost/plan/plan-prices.ts';
import { withDrill } from '../../src/cost/plan/read-drill.ts';
import { readProfile } from '../../src/cost/profile/read-profile.ts';
import { rangesText, unprofiledRanges } from '../../src/cost/report/ranges.ts';
import { planText } from '../../src/cost/report/terminal.ts';
import { simulationCaveats, traceCaveats } from '../../src/cost/spot/spot-report.ts';
import { readSpotTrace } from '../../src/cost/spot/trace/read-spot-trace.ts';
import { writeCaptures } from '../gpu/captures.ts';

const INPUTS = 'examples/training-cost';
/** The page is of this day, so that ages on it stay. */
const NOW = Date.UTC(2026, 10, 27);

async function planOf(profiles: readonly string[]): Promise<CostPlan> {
  const job = await withDrill(await readJob(`${INPUTS}/job.json`), `${INPUTS}/drill.json`);
  const trace = await readSpotTrace(`${INPUTS}/aws-p2-2020-11-20.csv`, { timeUnit: 'h' });
  const prices = await readPlanPrices({ path: `${INPUTS}/offers.json`, store: '', nowMs: NOW, acceptOld: false });
  return makePlan({
    job,
    profile: await readProfile(profiles, job),
    ...prices,
    traces: [trace],
    traceCaveats: [...traceCaveats(trace, NOW), ...simulationCaveats],
    trials: new Map(),
    otherHardware: null,
    draws: 10_000,
    seed: 1,
  });
}

const usd = (value: number) => `${value.toFixed(2)} USD`;
const gain = (value: number | null | undefined) =>
  value === null || value === undefined ? '–' : `${value.toFixed(2)}×`;

/** The page, with the output of each command. */
export async function trainingCostPage(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-cost-guide-'));
  try {
    writeCaptures(folder);
    const at = (name: string) => join(folder, name);
    const loader = await planOf([`${INPUTS}/loader-bound.json`]);
    const gpu = await planOf([at('precision.json')]);
    const wire = await planOf([0, 1, 2, 3].map((rank) => at(`wire-${rank}.json`)));
    const text = (plan: CostPlan) => planText(plan).replaceAll(`${folder}/`, 'captures/');
    const blocked = await readJob(`${INPUTS}/job.json`);
    return pageOf({ loader, gpu, wire }, text, rangesText(unprofiledRanges(blocked)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type Bounds = Readonly<Record<'loader' | 'gpu' | 'wire', CostPlan>>;

function pageOf({ loader, gpu, wire }: Bounds, text: (plan: CostPlan) => string, ranges: string): string {
  const of = (plan: CostPlan, name: string) => plan.techniques.find((one) => one.name === name);
  const row = (name: string) =>
    `| ${name} | ${[loader, gpu, wire].map((plan) => `${gain(of(plan, name)?.alone?.p50)} / ${gain(of(plan, name)?.marginal)}`).join(' | ')} |`;
  const total = (name: string, print: (plan: CostPlan) => string) =>
    `| ${name} | ${[loader, gpu, wire].map(print).join(' | ')} |`;
  return `# 8 hours on 32 A100: what the job costs, and what it could cost

\`\`\`mermaid
flowchart LR
  p[Profile] --> m[Model of the step] --> t[Techniques together] --> s[Place and spot] --> v[Verify after the run]
\`\`\`

The job trains for 8 hours on 4 p4d nodes of 8 A100. At ${usd(loader.baseline.usdPerNodeHour)} for a node and an hour its bill is
**${usd(loader.baseline.costUsd)}**. This page lowers it with the commands of \`headrace cost\`. The inputs are in examples/training-cost. Prices there are an
excerpt, profiles are examples, and the recorded spot instances are of other hardware: the method is yours, the figures are not.

\`npm run example scripts/cost/guide.ts\` writes this page, and a test compares it with the program. Two of the profiles are captures that the repository
generates:

\`\`\`sh
npm run example scripts/gpu/captures.ts captures
\`\`\`

## 1. No profile, no figure

\`\`\`sh
npx headrace cost plan examples/training-cost/job.json
\`\`\`

\`\`\`text
${ranges}
\`\`\`

The command ends with COST_NO_PROFILE. Measure the job first:

\`\`\`sh
npx headrace cost profile --adapter headrace_profile.py
npx headrace cost profile --out profile.json --gpus 32 --precision tf32 -- torchrun --nproc-per-node 8 train.py
\`\`\`

The program needs one change: \`for batch in profiled(loader):\`. Of each batch the profile has the time as it is, the time with a batch in memory, and the time of
the loader alone.

## 2. A job whose loader is the bound

\`\`\`sh
npx headrace cost plan examples/training-cost/job.json --profile examples/training-cost/loader-bound.json \\
  --prices examples/training-cost/offers.json --trace examples/training-cost/aws-p2-2020-11-20.csv --time-unit h
\`\`\`

\`\`\`text
${text(loader)}
\`\`\`

The loader is the bound: a faster one comes first. Mixed precision alone gains ${gain(of(loader, 'mixed-precision')?.alone?.p50)}, and ${gain(of(loader, 'mixed-precision')?.marginal)} after the loader.
The product of single gains would hide that.

## 3. The same job with another bound

\`--profile captures/precision.json\` is a trace of FP32 kernels that keep the GPU busy. \`--profile captures/wire-0.json\` to \`wire-3.json\` are traces of four
ranks that wait for each other's gradients. Each cell has the gain alone and the gain in the plan.

| technique | loader | kernels | communication |
|---|---|---|---|
${['data-pipeline', 'mixed-precision', 'compile', 'gradient-accumulation', 'parallel-efficiency'].map(row).join('\n')}
${total('together', (plan) => gain(plan.joint.costGain))}
${total('cost, median', (plan) => usd(plan.total.costUsd.p50))}
${total('cost, p10 to p90', (plan) => `${usd(plan.total.costUsd.p10)} to ${usd(plan.total.costUsd.p90)}`)}
${total('time, median', (plan) => `${plan.total.hours.p50.toFixed(1)} h`)}
${total('try first', (plan) => plan.first.split(':')[0] ?? '')}

Gradient accumulation changes the global batch. It stays out of the plan until the job names a \`qualityGate\`. Half the GPUs need a deadline of twice the time.

## 4. Spot

Spot is in these plans because \`drill.json\` of \`headrace train drill\` stands for the job. Command, number of GPUs, revision and accelerator
are the same, as are the digests of train.py and of model.py, which it imports. If one of them changes, spot is blocked. The plan then says what differs, and what spot would cost. The
policy, the checkpoint interval and the share of missed deadlines come from the recorded instances:

\`\`\`sh
npx headrace cost spot examples/training-cost/aws-p2-2020-11-20.csv --time-unit h --nodes 14 --nodes-priced 4 \\
  --work 8h --deadline 12h --changeover 20m --on-demand 21.957642 --spot 6.289 --blocked 20s
\`\`\`

A gang of 14 of these 16 instances stands for the 4 nodes. Compare with traces of your own provider before you rely on it.

## 5. After the run

\`\`\`sh
npx headrace cost verify plan.json result.json
\`\`\`

The result has the measured cost, time and step. The command says which were inside their ranges and which assumption failed. It
keeps the coverage over all runs. [The reference](../reference/cost-plan.md) describes every member.
`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(process.argv[1])).href)
  writeFileSync('docs/guide/training-cost.md', await trainingCostPage());
