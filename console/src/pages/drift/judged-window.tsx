import type { ReactNode } from 'react';
import { Panel, Panels } from '../../look/page.tsx';
import { CauseFeatures, TimeLine } from './causes.tsx';
import { DriftedFeatures, NoReference } from './features.tsx';
import { Labels } from './labels.tsx';
import { Monitors } from './monitors.tsx';
import { WorstSlices } from './slices.tsx';
import type { Window } from './window.ts';

/** One window of a model: its monitors, features, labels and possible causes. */
export function JudgedWindow(props: {
  readonly window: Window;
  readonly note: ReactNode;
  /** Its quality in parts, where a server can be asked for it. */
  readonly quality?: ReactNode;
  readonly feature: string | undefined;
  readonly onFeature: (name: string) => void;
}) {
  const { window, note, quality, feature, onFeature } = props;
  const { comparison, causes, slices } = window;
  return (
    <>
      <Panel title="Windows against their limits" note={note}>
        <Monitors window={window} />
      </Panel>
      <Panel title="Features against the training set">
        {comparison === null ? (
          <NoReference />
        ) : (
          <DriftedFeatures comparison={comparison} feature={feature} onFeature={onFeature} />
        )}
      </Panel>
      {quality}
      <Panels>
        <Panel title="Labels and quality">
          <Labels window={window} />
        </Panel>
        <Panel title="Events in this window">
          <TimeLine events={causes.timeLine} />
        </Panel>
      </Panels>
      <Panel title="The change of the loss, by feature">
        <CauseFeatures features={causes.features} />
      </Panel>
      <Panel title="Slices with the highest loss">
        <WorstSlices slices={slices} />
      </Panel>
    </>
  );
}
