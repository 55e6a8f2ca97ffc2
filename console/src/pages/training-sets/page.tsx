import { type LiveAnswer, useLive } from '../../api/live.ts';
import { useAddress } from '../../app/address.ts';
import { numberText, shareText } from '../../look/format.ts';
import { Empty, Live, Page as PageFrame, Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { Time } from '../../look/time.tsx';
import { SameRows } from './same-rows.tsx';

type Version = LiveAnswer<'/v1/models'>[number]['versions'][number];

/** A training set and the version that it made. */
export interface Line {
  readonly model: string;
  readonly version: Version;
  readonly set: NonNullable<Version['lineage']>['trainingSet'];
}

/** Which rows trained each version, and the command that writes them again. */
export function Page() {
  const models = useLive('/v1/models');
  const [{ set }, change] = useAddress();
  const lines = linesOf(models.value ?? []);
  const chosen = lines.find(({ model, version }) => `${model} ${version.version}` === set) ?? lines[0];
  return (
    <PageFrame
      title="Training sets"
      finding={
        models.value === null ? undefined : `${numberText(lines.length)} versions name the rows that trained them.`
      }
    >
      <Panel title="Training sets, the newest first">
        <Live reading={models}>
          {() =>
            lines.length === 0 ? (
              <Empty command="npx headrace train <model>">No version was trained here. Train one:</Empty>
            ) : (
              <Rows
                label="Training sets"
                rows={lines}
                keyOf={({ model, version }) => `${model} ${version.version}`}
                chosen={chosen === undefined ? null : `${chosen.model} ${chosen.version.version}`}
                columns={[
                  {
                    title: 'Version',
                    cell: ({ model, version }) => (
                      <button
                        type="button"
                        data-kind="plain"
                        onClick={() => change({ set: `${model} ${version.version}` })}
                      >
                        {model} {version.version}
                      </button>
                    ),
                  },
                  { title: 'Rows', isFigure: true, cell: ({ set: { rows } }) => numberText(rows) },
                  {
                    title: 'Without a label',
                    isFigure: true,
                    cell: ({ set: { unlabelled } }) => numberText(unlabelled),
                  },
                  { title: 'Positive', isFigure: true, cell: ({ version, set: { rows } }) => balanceOf(version, rows) },
                  { title: 'From', cell: ({ set: { from } }) => <Time at={from} /> },
                  { title: 'To', cell: ({ set: { to } }) => <Time at={to} /> },
                  { title: 'Values', cell: ({ set: { mode } }) => modeText(mode) },
                ]}
              />
            )
          }
        </Live>
      </Panel>
      {chosen !== undefined && <SameRows line={chosen} />}
    </PageFrame>
  );
}

function linesOf(models: LiveAnswer<'/v1/models'>): readonly Line[] {
  const lines = models.flatMap(({ model, versions }) =>
    versions.flatMap((version) =>
      version.lineage === undefined ? [] : [{ model, version, set: version.lineage.trainingSet }],
    ),
  );
  return lines.toSorted((a, b) => (b.version.createdAt ?? 0) - (a.version.createdAt ?? 0));
}

function balanceOf({ metrics }: Version, rows: number): string {
  const positives = metrics?.['positives'];
  return positives === undefined ? '–' : shareText(positives / Math.max(1, rows));
}

function modeText(mode: string): string {
  return mode === 'as-known' ? 'as known then' : mode === 'corrected' ? 'corrected by late events' : mode;
}
