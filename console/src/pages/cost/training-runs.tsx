import { type LiveAnswer, useLive } from '../../api/live.ts';
import { useAddress } from '../../app/address.ts';
import { countText, durationText, NONE, numberText } from '../../look/format.ts';
import { Empty, Live, Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State, type Tone } from '../../look/state.tsx';
import { Time } from '../../look/time.tsx';

type Runs = LiveAnswer<'/v1/training-runs'>['runs'];
type Run = Runs[number];

const TONES: Readonly<Record<Run['state'], Tone>> = {
  planned: 'idle',
  provisioning: 'busy',
  starting: 'busy',
  running: 'busy',
  checkpointing: 'busy',
  switching: 'busy',
  preempted: 'warn',
  completed: 'good',
  failed: 'bad',
  cancelled: 'idle',
};

/** The training runs of the environment: steps, restarts and spend, live. */
export function TrainingRuns() {
  const reading = useLive('/v1/training-runs');
  return (
    <Panel title={titleOf(reading.value?.runs)} note="The spend is at training.pricePerHour of the environment.">
      <Live reading={reading}>{({ runs }) => <Listed runs={runs} />}</Live>
    </Panel>
  );
}

function titleOf(runs: Runs | undefined): string {
  if (runs === undefined) return 'Training runs';
  const open = runs.filter(({ isOpen }) => isOpen).length;
  return `Training runs: ${open === 0 ? 'none runs now' : `${countText(open, 'run')} now`}`;
}

function Listed({ runs }: { readonly runs: Runs }) {
  const [{ run: asked }, change] = useAddress();
  const chosen = runs.find(({ name }) => name === asked) ?? runs[0];
  if (chosen === undefined)
    return <Empty command="npx headrace train <model>">No training has run in this environment:</Empty>;
  return (
    <>
      <Rows
        label="Training runs"
        rows={runs}
        keyOf={({ name }) => name}
        chosen={chosen.name}
        columns={[
          { title: 'State', cell: ({ state }) => <State tone={TONES[state]}>{state}</State> },
          {
            title: 'Run',
            cell: ({ name }) => (
              <button
                type="button"
                data-kind="plain"
                aria-pressed={name === chosen.name}
                onClick={() => change({ run: name })}
              >
                {name}
              </button>
            ),
          },
          { title: 'Started', cell: ({ startedAt }) => <Time at={startedAt} /> },
          { title: 'Step', isFigure: true, cell: ({ step }) => numberText(step) },
          { title: 'Loss', isFigure: true, cell: ({ loss }) => numberText(loss) },
          { title: 'Checkpoint', isFigure: true, cell: ({ checkpoint }) => numberText(checkpoint) },
          { title: 'Restarts', isFigure: true, cell: ({ restarts }) => numberText(restarts) },
          { title: 'Steps lost', isFigure: true, cell: ({ lostSteps }) => numberText(lostSteps) },
          { title: 'Took', isFigure: true, cell: ({ seconds }) => durationText(seconds * 1_000) },
          { title: 'Spend', isFigure: true, cell: ({ cost }) => (cost === 0 ? NONE : numberText(cost)) },
        ]}
      />
      <h3>Attempts of {chosen.name}</h3>
      <Rows
        label="Attempts"
        rows={chosen.attempts}
        keyOf={({ attempt }) => `${attempt}`}
        columns={[
          { title: 'Attempt', isFigure: true, cell: ({ attempt }) => attempt },
          { title: 'Began', cell: ({ startedAt }) => <Time at={startedAt} /> },
          { title: 'Outcome', cell: ({ outcome }) => outcome },
          { title: 'From step', isFigure: true, cell: ({ fromStep }) => numberText(fromStep) },
          { title: 'To step', isFigure: true, cell: ({ toStep }) => numberText(toStep) },
          { title: 'Lost', isFigure: true, cell: ({ lostSteps }) => numberText(lostSteps) },
          { title: 'Took', isFigure: true, cell: ({ seconds }) => durationText(seconds * 1_000) },
          { title: 'Spend', isFigure: true, cell: ({ cost }) => (cost === 0 ? NONE : numberText(cost)) },
        ]}
      />
    </>
  );
}
