import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useId, useState } from 'react';
import { ApiError } from '../../api/api-error.ts';
import { useMay } from '../../app/session.tsx';
import { Act } from '../../look/confirm.tsx';
import { Fault } from '../../look/fault.tsx';
import { Facts, Panel } from '../../look/page.tsx';
import { State, type Tone } from '../../look/state.tsx';
import { Time } from '../../look/time.tsx';
import { Choices } from './choices.tsx';
import type { Change, Lab } from './lab.tsx';
import css from './labs.module.css';

export type StepOfLab = Lab['steps'][number];

const tones: Readonly<Record<StepOfLab['state'], Tone>> = {
  locked: 'idle',
  ready: 'idle',
  acting: 'busy',
  measured: 'warn',
  passed: 'good',
};

const words: Readonly<Record<StepOfLab['state'], string>> = {
  locked: 'opens with the step before it',
  ready: 'act first',
  acting: 'measuring',
  measured: 'decide',
  passed: 'passed',
};

/** A step: the situation, the action, its figures, the decision. */
export function Step({ no, step, change }: { readonly no: number; readonly step: StepOfLab; readonly change: Change }) {
  const { id, title, asks, act, state, lines, fault, figures, measuredAt, choices } = step;
  const may = useMay('admin');
  return (
    <Panel wide title={`${no}. ${title}`} actions={<State tone={tones[state]}>{words[state]}</State>}>
      <p className={css.asks}>{asks}</p>
      {may && (state === 'ready' || state === 'measured') && (
        <p>
          <Act
            verb={state === 'measured' ? `${act.verb} again` : act.verb}
            effect={act.effect}
            asksReason={false}
            run={() => change({ action: 'act', step: id })}
          />
        </p>
      )}
      {fault !== null && <Fault error={new ApiError({ status: 500, ...fault })} />}
      {state === 'acting' && (
        <output className={css.lines}>{lines.length === 0 ? 'begins' : lines[lines.length - 1]}</output>
      )}
      {figures.length > 0 && (
        <>
          <h3>
            Measured <Time at={measuredAt} />
          </h3>
          <Facts of={figures.map(({ what, text }) => [what, text])} />
        </>
      )}
      {state === 'measured' && may && <Decision step={step} change={change} />}
      {choices.some(({ verdict }) => verdict !== null) && <Choices step={step} />}
    </Panel>
  );
}

function Decision({ step, change }: { readonly step: StepOfLab; readonly change: Change }) {
  const { id, choices, tried } = step;
  const name = useId();
  const [choice, setChoice] = useState<string | null>(null);
  const deciding = useMutation({
    mutationFn: (chosen: string) => change({ action: 'decide', step: id, choice: chosen }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (choice !== null) deciding.mutate(choice);
  };
  return (
    <form onSubmit={submit} className={css.decision}>
      <fieldset>
        <legend>Your decision</legend>
        {choices.map((one) => (
          <label key={one.id}>
            <input
              type="radio"
              name={name}
              value={one.id}
              checked={choice === one.id}
              disabled={tried.includes(one.id)}
              onChange={() => setChoice(one.id)}
            />
            {one.text}
          </label>
        ))}
      </fieldset>
      <Fault error={deciding.error} />
      <button type="submit" data-kind="main" disabled={choice === null || tried.includes(choice) || deciding.isPending}>
        Decide
      </button>
    </form>
  );
}
