import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { answer, client, type Schema } from '../../api/client.ts';
import { useAddress } from '../../app/address.ts';
import { Choice } from '../../look/choice.tsx';
import { Fault } from '../../look/fault.tsx';
import { durationText, NONE } from '../../look/format.ts';
import { Empty, Facts, Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import { Time } from '../../look/time.tsx';
import css from './features.module.css';
import { type Lookup, Why } from './why.tsx';

type Project = Schema<'Project'>;
type Service = Project['services'][number];

/** A vector as the route answers it, whatever the service. */
interface Vector {
  readonly at: number;
  readonly complete: boolean;
  readonly features: Readonly<Record<string, unknown>>;
  readonly missing: Readonly<Record<string, string>>;
  readonly stale: readonly string[];
  readonly ages: { readonly streaming: number | null; readonly batch: number | null };
}

/** A vector with the tiles and events behind it. */
interface Explained {
  readonly vector: Vector;
  readonly lookups: readonly Lookup[];
}

/** Reads the vector of an entity, with the view, tiles and events behind each value. */
export function Ask({ project }: { readonly project: Project }) {
  const [{ service: named }, change] = useAddress();
  const service = project.services.find(({ name }) => name === named) ?? project.services[0];
  if (service === undefined) return null;
  return (
    <Panel
      title="Why is it this number?"
      note="Reads a vector now, as a caller gets it, with the tiles and events that each value comes from. Nothing is recorded."
      actions={
        <Choice
          label="Service"
          value={service.name}
          of={project.services.map(({ name }) => name)}
          onChange={(name) => change({ service: name })}
        />
      }
    >
      <Request key={service.name} service={service} />
    </Panel>
  );
}

function Request({ service }: { readonly service: Service }) {
  const [texts, setTexts] = useState<Readonly<Record<string, string>>>({});
  const asking = useMutation({
    mutationFn: async () => {
      const path = '/v1/explanations/{service}' as const;
      const request = Object.fromEntries(
        service.request.map(({ name, type }) => [name, fieldValue(texts[name] ?? '', type)]),
      );
      // The description has the columns of another project: those of this one are checked by the server.
      const body = { request } as never;
      return (await answer(
        client.POST(path, { params: { path: { service: service.name } }, body }),
      )) as unknown as Explained;
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    asking.mutate();
  };
  return (
    <>
      <form onSubmit={submit} className={css.ask}>
        {service.request.map(({ name, type }) => (
          <label key={name}>
            {name}
            <input
              placeholder={type}
              value={texts[name] ?? ''}
              onChange={(event) => setTexts({ ...texts, [name]: event.target.value })}
            />
          </label>
        ))}
        <button type="submit" data-kind="main" disabled={asking.isPending}>
          Read
        </button>
      </form>
      <Fault error={asking.error} />
      {asking.data === undefined ? (
        <Empty>Name an entity and read its vector.</Empty>
      ) : (
        <Shown explained={asking.data} service={service} />
      )}
    </>
  );
}

/** A field as the column takes it; the server refuses what is not of its type, and says why. */
function fieldValue(text: string, type: string): unknown {
  if (text === '') return null;
  if (/^(int|float|time)\b/.test(type) && text.trim() !== '' && Number.isFinite(Number(text))) return Number(text);
  if (/^bool\b/.test(type)) return text === 'true';
  if (/^(list|embedding)/.test(type))
    return text.split(',').map((one) => fieldValue(one.trim(), type.replace(/^\w+<?/, '')));
  return text;
}

function Shown({ explained, service }: { readonly explained: Explained; readonly service: Service }) {
  const [{ why }, change] = useAddress();
  const { vector, lookups } = explained;
  const { at, complete, features, missing, stale, ages } = vector;
  return (
    <>
      <Facts
        of={[
          ['As of', <Time key="at" at={at} />],
          [
            'Complete',
            <State key="complete" tone={complete ? 'good' : 'warn'}>
              {complete ? 'yes' : 'no'}
            </State>,
          ],
          ['Age of streaming data', durationText(ages.streaming)],
          ['Age of batch data', durationText(ages.batch)],
          ['Stale', stale.length === 0 ? 'nothing' : stale.join(', ')],
        ]}
      />
      <Rows
        label="The vector"
        rows={service.features}
        keyOf={({ name }) => name}
        chosen={why ?? null}
        columns={[
          {
            title: 'Feature',
            cell: ({ name, tier }) =>
              tier === 'streaming' ? (
                <button
                  type="button"
                  data-kind="plain"
                  aria-pressed={name === why}
                  aria-label={`Why is ${name} this number?`}
                  onClick={() => change({ why: name })}
                >
                  {name}
                </button>
              ) : (
                name
              ),
          },
          {
            title: 'Value',
            isFigure: true,
            cell: ({ name }) => (features[name] === null ? NONE : String(features[name])),
          },
          { title: 'Type', cell: ({ type }) => type },
          { title: 'Tier', cell: ({ tier }) => tier },
          { title: 'From view', cell: ({ views }) => views.join(', ') || 'the request' },
          { title: 'No answer', cell: ({ name }) => missing[name] ?? '' },
        ]}
      />
      {why === undefined ? (
        <Empty>Choose a value of a stream view to see its tiles and events.</Empty>
      ) : (
        <Why name={why} lookups={lookups} />
      )}
    </>
  );
}
