import type { FeatureReport } from '../../app/use-feature-report.ts';
import { durationText, NONE, numberText, shareText } from '../../look/format.ts';
import { Empty } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';

type Service = FeatureReport['services'][number];
type Feature = Service['features'][number];
type Column = FeatureReport['sources'][number]['columns'][number];

/** The services of which vectors were kept, with the features whose names have these letters. */
export function Services({ report, text }: { readonly report: FeatureReport; readonly text: string }) {
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
      <Profiles label={`Served values of ${service}`} columns={rows} />
    </>
  );
}

/** A feature that was served, or a column of events: those have no age. */
type Profiled = Column & Partial<Pick<Feature, 'ageMs' | 'budgetMs'>>;

/** Profiles of features, or of the columns of a source. */
export function Profiles({ label, columns }: { readonly label: string; readonly columns: readonly Profiled[] }) {
  return (
    <Rows
      label={label}
      rows={columns}
      keyOf={({ name }) => name}
      columns={[
        { title: 'Name', cell: ({ name }) => name },
        { title: 'Type', cell: ({ type }) => type },
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
  );
}

function ageOf({ ageMs = null, budgetMs = null }: Profiled) {
  if (ageMs === null) return NONE;
  const isOver = budgetMs !== null && ageMs > budgetMs;
  return <State tone={isOver ? 'warn' : 'good'}>{durationText(ageMs)}</State>;
}
