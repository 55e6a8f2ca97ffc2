import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { answer, client } from '../../api/client.ts';
import { useLive } from '../../api/live.ts';
import { ModelChoice, useChosenModel } from '../../app/chosen-model.tsx';
import { Fault } from '../../look/fault.tsx';
import { durationText } from '../../look/format.ts';
import { Panel } from '../../look/page.tsx';
import css from './inference.module.css';

/** Runs the loaded version of a model on one request, made from its signature. Nothing is logged as a prediction. */
export function TryOut() {
  const model = useChosenModel();
  const loaded = useLive('/v1/status').value?.inference ?? [];
  if (model === null || !loaded.some((one) => one.model === model)) return null;
  return (
    <Panel
      title="Try a request"
      note="The request is made from the signature of the model. It runs the loaded version, and logs no prediction."
      actions={<ModelChoice />}
    >
      <Signature key={model} model={model} />
    </Panel>
  );
}

function Signature({ model }: { readonly model: string }) {
  const { data, error } = useQuery({
    queryKey: ['/v2/models', model],
    queryFn: () => answer(client.GET('/v2/models/{model}', { params: { path: { model } } })),
  });
  if (error !== null) return <Fault error={error} />;
  if (data === undefined) return null;
  const inputs = data.inputs.map(({ name, datatype, shape }) => {
    const sizes = shape.map((size) => (size < 0 ? 1 : size));
    const zeros = Array.from({ length: sizes.reduce((all, one) => all * one, 1) }, () =>
      datatype === 'BYTES' ? '' : 0,
    );
    return { name, datatype, shape: sizes, data: zeros };
  });
  return <Request model={model} sample={JSON.stringify({ inputs }, null, 1)} />;
}

function Request({ model, sample }: { readonly model: string; readonly sample: string }) {
  const [text, setText] = useState(sample);
  const running = useMutation({
    mutationFn: async () => {
      const started = performance.now();
      const body = JSON.parse(text) as never;
      const said = await answer(client.POST('/v2/models/{model}/infer', { params: { path: { model } }, body }));
      return { said, tookMs: performance.now() - started };
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    running.mutate();
  };
  return (
    <form onSubmit={submit} className={css.form}>
      <label className={css.label}>
        Request
        <textarea
          rows={8}
          className={css.json}
          value={text}
          onChange={(event) => setText(event.target.value)}
          spellCheck={false}
        />
      </label>
      <button type="submit" data-kind="main" disabled={running.isPending}>
        Run
      </button>
      <Fault error={running.error} />
      {running.data !== undefined && (
        <>
          <p>Answered in {durationText(running.data.tookMs)}, with the way there and back.</p>
          <pre className={css.json}>{JSON.stringify(running.data.said, null, 1)}</pre>
        </>
      )}
    </form>
  );
}
