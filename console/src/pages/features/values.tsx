import { useFeatureReport } from '../../app/use-feature-report.ts';
import { Fault } from '../../look/fault.tsx';
import { Panel, Skeleton } from '../../look/page.tsx';
import { Services } from './served.tsx';

/** What was served in the last day, feature by feature. */
export function Values({ text }: { readonly text: string }) {
  const { data, error } = useFeatureReport();
  return (
    <Panel
      title="Served values of the last day"
      note="Of a sample of the vectors, which the history keeps whole. A share beyond nothing is worth a look where the type says never."
    >
      {error !== null ? (
        <Fault error={error} />
      ) : data === undefined ? (
        <Skeleton />
      ) : (
        <Services report={data} text={text} />
      )}
    </Panel>
  );
}
