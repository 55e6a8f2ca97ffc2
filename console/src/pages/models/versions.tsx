import { useQueryClient } from '@tanstack/react-query';
import { answer, client } from '../../api/client.ts';
import type { LiveAnswer } from '../../api/live.ts';
import { useAddress } from '../../app/address.ts';
import { useMay } from '../../app/session.tsx';
import { Act } from '../../look/confirm.tsx';
import { numberText } from '../../look/format.ts';
import { Empty, Facts } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import { Time } from '../../look/time.tsx';

type Model = LiveAnswer<'/v1/models'>[number];
type Version = Model['versions'][number];

/** Metrics that the table has; all are in the chosen version. */
const SHOWN = 3;

/** The versions of a model, the newest first, with what each was made of; promotes by compare-and-swap. */
export function Versions({ model: { model, versions, champion } }: { readonly model: Model }) {
  const [address, change] = useAddress();
  const chosen =
    versions.find(({ version }) => `${version}` === address['version']) ??
    versions.find((one) => one.version === champion);
  if (versions.length === 0)
    return <Empty command={`npx headrace train ${model}`}>No version is registered. Train one:</Empty>;
  const metrics = metricNames(versions);
  return (
    <>
      <Rows
        label="Versions"
        rows={versions.toReversed()}
        keyOf={({ version }) => `${version}`}
        chosen={chosen === undefined ? null : `${chosen.version}`}
        columns={[
          {
            title: 'Version',
            cell: ({ version }) => (
              <button
                type="button"
                data-kind="plain"
                aria-pressed={version === chosen?.version}
                onClick={() => change({ version: `${version}` })}
              >
                version {version}
              </button>
            ),
          },
          {
            title: 'Aliases',
            cell: ({ version, aliases }) =>
              version === champion ? <State tone="good">{aliases.join(', ')}</State> : aliases.join(', '),
          },
          { title: 'Origin', cell: ({ origin }) => origin },
          { title: 'Made', cell: ({ createdAt }) => <Time at={createdAt} /> },
          ...metrics.map((name) => ({
            title: name,
            isFigure: true,
            cell: (one: Version) => numberText(one.metrics?.[name]),
          })),
          {
            title: '',
            cell: ({ version }) =>
              version === champion ? null : <Promote model={model} version={version} champion={champion} />,
          },
        ]}
      />
      {chosen !== undefined && <Details version={chosen} />}
    </>
  );
}

function metricNames(versions: readonly Version[]): readonly string[] {
  const names = versions.flatMap(({ metrics = {} }) => Object.keys(metrics));
  return [...new Set(['auc', 'loss', ...names])].filter((name) => names.includes(name)).slice(0, SHOWN);
}

/** Moves the champion from where this page saw it: if somebody moved it meanwhile, the call is refused and nothing changes. */
function Promote(props: { readonly model: string; readonly version: number; readonly champion: number | null }) {
  const { model, version, champion } = props;
  const queries = useQueryClient();
  if (!useMay('admin')) return null;
  const run = async (reason: string) => {
    const body = { model, version, expected: champion, ...(reason === '' ? {} : { reason }) };
    await answer(client.POST('/v1/admin/promote', { body }));
    await queries.invalidateQueries({ queryKey: ['/v1/alias-moves', model] });
  };
  const from = champion === null ? 'no champion' : `version ${champion}`;
  return (
    <Act
      verb="Promote"
      effect={`Version ${version} answers every caller, after ${from}. It repeats its own scores first.`}
      run={run}
    />
  );
}

function Details({ version }: { readonly version: Version }) {
  const { lineage, signature, metrics = {} } = version;
  return (
    <>
      <h3>Version {version.version}</h3>
      <Facts
        of={[
          ...Object.entries(metrics)
            .filter(([name]) => name !== 'rows')
            .map(([name, value]) => [name, numberText(value)] as const),
          ['Run', version.run ?? '–'],
          ['Service', lineage?.service ?? '–'],
          ['Trainer', lineage?.trainer.kind ?? '–'],
          ['Rows', numberText(lineage?.trainingSet.rows)],
          ['Rows without a label', numberText(lineage?.trainingSet.unlabelled)],
          ['Data until', <Time key="to" at={lineage?.trainingSet.to} />],
          ['Inputs', numberText(signature?.features.length)],
        ]}
      />
      {signature != null && (
        <details>
          <summary>Signature: {signature.features.length} features</summary>
          <p>{signature.features.join(', ')}</p>
        </details>
      )}
    </>
  );
}
