import type { CostPlan } from '../../../../src/cost/plan/plan.ts';
import { DroppedReport } from '../../look/dropped-report.tsx';
import { Page as PageFrame } from '../../look/page.tsx';
import { Planned } from './planned.tsx';
import { Sweep } from './sweep.tsx';
import { TrainingRuns } from './training-runs.tsx';

const COMMAND = 'npx headrace cost plan job.json --profile profile.json --json > plan.json';

/** Which change makes a training cheaper, and by how much. */
export function Page() {
  return (
    <PageFrame title="Cost" finding="From the bill of today to that of the plan, each gain with its range and source.">
      <TrainingRuns />
      <DroppedReport<CostPlan> command={COMMAND} has="waterfall">
        {(plan) => <Planned plan={plan} />}
      </DroppedReport>
      <Sweep />
    </PageFrame>
  );
}
