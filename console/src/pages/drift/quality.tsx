import { useQuery } from '@tanstack/react-query';
import { answer, client, type Schema } from '../../api/client.ts';
import { useAddress } from '../../app/address.ts';
import { Choice } from '../../look/choice.tsx';
import { Fault } from '../../look/fault.tsx';
import { numberText, wordsText } from '../../look/format.ts';
import { Empty, Panel, Skeleton } from '../../look/page.tsx';
import { SeriesChart } from '../../look/series-chart.tsx';
import css from './drift.module.css';
import type { Window } from './window.ts';

type Quality = Extract<Schema<'DriftReport'>, { windows: unknown }>;

/** The quality of the parts of a window: as it was estimated before the labels, and as the labels show it, on one axis. */
export function QualityPanel({ window: { model, from, to } }: { readonly window: Window }) {
  const [{ metric: asked }, change] = useAddress();
  const { data, error } = useQuery({
    queryKey: ['/v1/drift', model, 'quality', from, to],
    placeholderData: (before) => before,
    queryFn: async () => {
      const query = { from: `${from}`, to: `${to}`, of: 'quality' as const };
      const found = await answer(client.GET('/v1/drift/{model}', { params: { path: { model }, query } }));
      return found as Quality;
    },
  });
  const names = data === undefined ? [] : namesOf(data);
  const metric = asked !== undefined && names.includes(asked) ? asked : names[0];
  return (
    <Panel
      title={data === undefined || metric === undefined ? 'Estimated and realised quality' : findingOf(data, metric)}
      note="The estimate needs no label. It rests on the labelled predictions before this window, and is left out where these do not bear it."
      actions={
        metric !== undefined && (
          <Choice
            label="Metric"
            value={metric}
            of={names.map((name) => [name, wordsText(name)] as const)}
            onChange={(name) => change({ metric: name })}
          />
        )
      }
    >
      {error !== null ? (
        <Fault error={error} />
      ) : data === undefined ? (
        <Skeleton />
      ) : metric === undefined ? (
        <Empty>No prediction of this window has a label, and none can be estimated: {whyNot(data)}.</Empty>
      ) : (
        <OneAxis quality={data} metric={metric} />
      )}
    </Panel>
  );
}

/** Metrics that some part has, in the order of the server. */
function namesOf({ windows }: Quality): readonly string[] {
  const values = windows.flatMap(({ estimated, realised }) =>
    [estimated, realised].flatMap((one) => Object.entries(one ?? {})),
  );
  return [...new Set(values.flatMap(([name, value]) => (value === null ? [] : [name])))];
}

function whyNot({ windows }: Quality): string {
  return [...new Set(windows.flatMap(({ trust }) => trust.reasons))].join('; ') || 'no prediction was made';
}

function OneAxis({ quality, metric }: { readonly quality: Quality; readonly metric: string }) {
  const { windows, limits } = quality;
  const limit = limits?.[metric] ?? null;
  const untold = windows.filter(({ estimated, predictions }) => estimated === null && predictions > 0).length;
  return (
    <>
      <SeriesChart
        label={findingOf(quality, metric)}
        x={windows.map(({ to }) => to / 1_000)}
        unit=""
        height={190}
        series={[
          {
            name: `${wordsText(metric)}, estimated`,
            values: windows.map(({ estimated }) => estimated?.[metric] ?? null),
          },
          { name: `${wordsText(metric)}, realised`, values: windows.map(({ realised }) => realised?.[metric] ?? null) },
          ...(limit === null
            ? []
            : [
                { name: 'least before', values: windows.map(() => limit.lower), isLimit: true },
                { name: 'most before', values: windows.map(() => limit.upper), isLimit: true },
              ]),
        ]}
      />
      <p className={css.quiet}>
        {numberText(windows.reduce((sum, { labelled }) => sum + labelled, 0))} of{' '}
        {numberText(windows.reduce((sum, { predictions }) => sum + predictions, 0))} predictions have a label.
        {untold > 0 && ` ${untold} of ${windows.length} parts have no estimate: ${whyNot(quality)}.`}
      </p>
    </>
  );
}

/** How far the two were apart, where both are known. */
function findingOf({ windows }: Quality, metric: string): string {
  const gaps = windows.flatMap(({ estimated, realised }) => {
    const [before, after] = [estimated?.[metric], realised?.[metric]];
    return before == null || after == null ? [] : [after - before];
  });
  const name = wordsText(metric);
  if (gaps.length === 0) return `${name}: no part has both an estimate and labels`;
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  return `${name}: labels show ${numberText(Math.abs(mean))} ${mean < 0 ? 'less' : 'more'} than was estimated, on average`;
}
