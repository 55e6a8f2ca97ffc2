import { type FeatureReport, useFeatureReport } from '../../app/use-feature-report.ts';
import { Fault } from '../../look/fault.tsx';
import { durationText, NONE, numberText, shareText } from '../../look/format.ts';
import { Empty, Panel, Skeleton } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';

type Service = FeatureReport['services'][number];
type Feature = Service['features'][number];

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

function Services({ report, text }: { readonly report: FeatureReport; readonly text: string }) {
  const shown = report.services.filter(({ vectors }) => vectors > 0);
  if (shown.length === 0)
    return <Empty command="environments: { local: { sampleRate: 0.01 } }">No vector of the last day was kept:</Empty>;
  return shown.map((service) => <Served key={service.service} service={service} text={text} />);
}

function Served({
  service: { service, vectors, features },
  text,
}: {
  readonly service: Service;
  readonly text: string;
}) {
  const rows = features.filter(({ name }) => name.toLowerCase().includes(text.toLowerCase()));
  return (
    <>
      <h3>
        {service}: {numberText(vectors)} vectors
      </h3>
      <Rows
        label={`Served values of ${service}`}
        rows={rows}
        keyOf={({ name }) => name}
        columns={[
          { title: 'Feature', cell: ({ name }) => name },
          { title: 'Null', isFigure: true, cell: ({ nullRate }) => shareText(nullRate) },
          { title: 'No answer', isFigure: true, cell: ({ missingRate }) => shareText(missingRate) },
          { title: 'Zero', isFigure: true, cell: ({ zeroRate }) => shareText(zeroRate) },
          {
            title: 'Out of range',
            isFigure: true,
            cell: ({ outOfRangeRate }) =>
              outOfRangeRate > 0 ? <State tone="bad">{shareText(outOfRangeRate)}</State> : shareText(outOfRangeRate),
          },
          { title: 'Distinct', isFigure: true, cell: ({ distinct }) => numberText(distinct) },
          { title: 'Least', isFigure: true, cell: ({ profile }) => numberText(profile.least) },
          { title: 'Mean', isFigure: true, cell: ({ mean }) => numberText(mean) },
          { title: 'Greatest', isFigure: true, cell: ({ profile }) => numberText(profile.greatest) },
          { title: 'Unit', cell: ({ unit }) => unit ?? NONE },
          { title: 'Age of its data', isFigure: true, cell: ageOf },
        ]}
      />
    </>
  );
}

function ageOf({ ageMs, budgetMs }: Feature) {
  if (ageMs === null) return NONE;
  const isOver = budgetMs !== null && ageMs > budgetMs;
  return <State tone={isOver ? 'warn' : 'good'}>{durationText(ageMs)}</State>;
}
