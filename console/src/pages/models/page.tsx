import { useLive } from '../../api/live.ts';
import { ModelChoice, useChosenModel } from '../../app/chosen-model.tsx';
import { numberText } from '../../look/format.ts';
import { Empty, Live, Page as PageFrame, Panel } from '../../look/page.tsx';
import { Moves } from './moves.tsx';
import { Runs } from './runs.tsx';
import { Versions } from './versions.tsx';

/** Which version serves, and which run made it. */
export function Page() {
  const models = useLive('/v1/models');
  const name = useChosenModel();
  const model = models.value?.find((one) => one.model === name);
  return (
    <PageFrame
      title="Models"
      controls={<ModelChoice />}
      finding={
        model === undefined
          ? undefined
          : model.champion === null
            ? `${model.model} has ${numberText(model.versions.length)} versions and no champion: nothing answers.`
            : `Version ${model.champion} of ${model.model} answers, the newest is ${model.versions.at(-1)?.version}.`
      }
    >
      <Panel title="Versions">
        <Live reading={models}>
          {() =>
            model === undefined ? (
              <Empty command="npx headrace init">The project declares no model of this name.</Empty>
            ) : (
              <Versions model={model} />
            )
          }
        </Live>
      </Panel>
      {model !== undefined && <Moves model={model.model} champion={model.champion} />}
      <Panel title="Runs" note="Runs that training code logged, by MLflow's clients or headrace registry.">
        <Runs />
      </Panel>
    </PageFrame>
  );
}
