import type { Diagnosis } from '../../../../src/gpu/diagnosis.ts';
import { DroppedReport } from '../../look/dropped-report.tsx';
import { Page as PageFrame } from '../../look/page.tsx';
import { BeforeAfter } from './before-after.tsx';
import { diagnoseFiles } from './diagnose-files.ts';
import { Diagnosed } from './diagnosed.tsx';

const COMMAND = 'npx headrace gpu diagnose traces/ --json > diagnosis.json';

/** Where the time of a training step goes. */
export function Page() {
  return (
    <PageFrame
      title="GPU"
      finding="Idle against busy first, then the findings in the order of the time that they cost."
    >
      <DroppedReport<Diagnosis> command={COMMAND} has="verdict" judge={diagnoseFiles}>
        {(diagnosis) => (
          <>
            <Diagnosed diagnosis={diagnosis} />
            <BeforeAfter after={diagnosis} command={COMMAND} />
          </>
        )}
      </DroppedReport>
    </PageFrame>
  );
}
