import { type LiveAnswer, useLive } from '../../api/live.ts';
import { useAddress } from '../../app/address.ts';
import { Choice } from '../../look/choice.tsx';
import { durationText, numberText, wordsText } from '../../look/format.ts';
import { Empty, Facts, Live, Page as PageFrame, Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State, type Tone } from '../../look/state.tsx';
import { Time } from '../../look/time.tsx';
import { Actions } from './actions.tsx';
import { Evidence } from './evidence.tsx';

/** The newest rollout of a model. */
export type Rollout = LiveAnswer<'/v1/rollouts'>['rollouts'][number];

const TONES: Readonly<Record<Rollout['state'], Tone>> = {
  shadow: 'busy',
  canary: 'busy',
  held: 'warn',
  soaking: 'busy',
  completed: 'good',
  rolledBack: 'bad',
};

/** Whether a candidate may go on. */
export function Page() {
  const reading = useLive('/v1/rollouts');
  const [{ model }, change] = useAddress();
  const rollouts = reading.value?.rollouts ?? [];
  const chosen = rollouts.find((one) => one.model === model) ?? rollouts[0];
  return (
    <PageFrame
      title="Rollouts"
      finding={chosen === undefined ? undefined : findingOf(chosen)}
      controls={
        <>
          {chosen !== undefined && (
            <Choice
              label="Model"
              value={chosen.model}
              of={rollouts.map((one) => one.model)}
              onChange={(name) => change({ model: name })}
            />
          )}
          {chosen !== undefined && <Actions rollout={chosen} />}
        </>
      }
    >
      <Live reading={reading}>
        {() =>
          chosen === undefined ? (
            <Empty command="npx headrace rollout start <model> <version>">No model has a rollout. Start one:</Empty>
          ) : (
            <Shown rollout={chosen} />
          )
        }
      </Live>
    </PageFrame>
  );
}

function findingOf({ champion, candidate, state, percent, reason, verdict, endedAt }: Rollout): string {
  const what = `Version ${candidate} after version ${champion}`;
  if (endedAt !== null) return `${what}: ${state === 'completed' ? 'completed' : 'rolled back'}, ${reason}.`;
  return `${what} answers ${numberText(percent)} % of the callers. Next: ${verdict.action}, ${verdict.reason}.`;
}

function Shown({ rollout }: { readonly rollout: Rollout }) {
  const { state, since, startedAt, endedAt, percent, lanes, shadow } = rollout;
  return (
    <>
      <Panel title="Where it stands">
        <Facts
          of={[
            [
              'State',
              <State key="state" tone={TONES[state]}>
                {wordsText(state)}
              </State>,
            ],
            ['Callers of the candidate', `${numberText(percent)} %`],
            ['In this state since', <Time key="since" at={since} />],
            ['Started', <Time key="started" at={startedAt} />],
            ['Ended', <Time key="ended" at={endedAt} />],
            ['Copies scored', numberText(shadow.copies)],
            ['Mean difference of scores', numberText(shadow.meanDifference)],
          ]}
        />
      </Panel>
      <Evidence rollout={rollout} />
      <Panel title="Cohorts" note="The baseline is as large as the canary and has the champion: the two are compared.">
        <Rows
          label="Cohorts"
          rows={[
            { name: 'canary, candidate', ...lanes.canary },
            { name: 'baseline, champion', ...lanes.baseline },
            { name: 'shadow, copies', ...lanes.shadow },
          ]}
          keyOf={({ name }) => name}
          columns={[
            { title: 'Cohort', cell: ({ name }) => name },
            { title: 'Requests', isFigure: true, cell: ({ requests }) => numberText(requests) },
            { title: 'Errors', isFigure: true, cell: ({ errors }) => numberText(errors) },
            { title: 'Timeouts', isFigure: true, cell: ({ timeouts }) => numberText(timeouts) },
            { title: 'Not finite', isFigure: true, cell: ({ nonFinite }) => numberText(nonFinite) },
            { title: 'Slow', isFigure: true, cell: ({ slow }) => numberText(slow) },
            { title: 'p50', isFigure: true, cell: ({ p50Ms }) => durationText(p50Ms) },
            { title: 'p99', isFigure: true, cell: ({ p99Ms }) => durationText(p99Ms) },
            { title: 'Mean score', isFigure: true, cell: ({ meanScore }) => numberText(meanScore) },
          ]}
        />
      </Panel>
      <Panel title="Decisions, the newest first">
        <Rows
          label="Decisions"
          rows={rollout.events.toReversed()}
          keyOf={({ revision }) => `${revision}`}
          columns={[
            { title: 'At', cell: ({ at }) => <Time at={at} /> },
            { title: 'Decision', cell: ({ kind }) => wordsText(kind) },
            { title: 'By', cell: ({ by }) => by },
            { title: 'Callers', isFigure: true, cell: ({ percent: share }) => `${numberText(share)} %` },
            {
              title: 'Requests seen',
              isFigure: true,
              cell: ({ numbers }) =>
                numbers === null ? '–' : numberText(numbers.requests.canary + numbers.requests.shadow),
            },
            { title: 'Why', isSentence: true, cell: ({ reason }) => reason },
          ]}
        />
      </Panel>
    </>
  );
}
