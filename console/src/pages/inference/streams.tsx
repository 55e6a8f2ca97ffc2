import { type LiveAnswer, useLive } from '../../api/live.ts';
import { useProject } from '../../app/project.ts';
import { countText, numberText, wordsText } from '../../look/format.ts';
import { Empty, Facts, Live, Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import { DeadLetters } from './dead-letters.tsx';
import { versionMap } from './version-map.ts';

type Stream = NonNullable<LiveAnswer<'/v1/status'>['streams']>[string];

/** The streams of the project, live: version by partition and offset, lag, dead letters, and plans. */
export function Streams() {
  const status = useLive('/v1/status');
  const declared = useProject().data?.streams ?? [];
  return (
    <Panel title="Streams" note="Each record is scored by exactly one version: that of its partition and offset.">
      <Live reading={status}>
        {({ streams = {} }) => (
          <>
            {declared.length === 0 && (
              <Empty command="streamInference('late', { model, from: schedule, to: 'late_scores' })">
                The project declares no stream. A declaration makes one:
              </Empty>
            )}
            {declared.map(({ name, from, to }) => (
              <section key={name}>
                <h3>
                  {name}: from {from} to {to}
                </h3>
                {streams[name] === undefined ? (
                  <Empty>Another process scores this stream.</Empty>
                ) : (
                  <>
                    <Shown stream={streams[name]} />
                    <DeadLetters stream={name} from={from} rejected={streams[name].counts['rejected'] ?? 0} />
                  </>
                )}
              </section>
            ))}
          </>
        )}
      </Live>
    </Panel>
  );
}

function Shown({ stream }: { readonly stream: Stream }) {
  const { model, partitions, rollingTo, unacknowledged, shadow, plans, counts } = stream;
  const waiting = partitions.reduce((sum, one) => sum + one.waiting, 0);
  const { rejected = 0 } = counts;
  return (
    <>
      <Facts
        of={[
          ['Model', model],
          [
            'Lag',
            <State key="lag" tone={waiting > 0 ? 'busy' : 'good'}>
              {countText(waiting, 'record')}
            </State>,
          ],
          ['Scored since the start', numberText(counts['scored'])],
          [
            'Dead letters',
            <State key="dead" tone={rejected > 0 ? 'bad' : 'good'}>
              {numberText(rejected)}
            </State>,
          ],
          [
            'Late, duplicate, ahead',
            ['late', 'duplicate', 'future'].map((name) => numberText(counts[name])).join(', '),
          ],
          ['Rolls to', rollingTo === null ? 'nothing now' : `version ${rollingTo}`],
          ['Not acknowledged by', unacknowledged.length === 0 ? 'nobody' : `partitions ${unacknowledged.join(', ')}`],
          ['Shadow', shadow === null ? 'none' : `version ${shadow}`],
        ]}
      />
      <Rows
        label="Version by partition and offset"
        rows={versionMap(partitions)}
        keyOf={({ partition, from }) => `${partition} ${from}`}
        columns={[
          { title: 'Partition', isFigure: true, cell: ({ partition }) => partition },
          { title: 'From offset', isFigure: true, cell: ({ from }) => numberText(from) },
          { title: 'To', isFigure: true, cell: ({ to }) => (to === null ? 'its end' : numberText(to)) },
          { title: 'Version', isFigure: true, cell: ({ version }) => version },
          { title: 'Scored', isFigure: true, cell: ({ scored }) => numberText(scored) },
          {
            title: 'State',
            cell: ({ isNow, scored }) => (
              <State tone={isNow ? 'busy' : scored > 0 ? 'good' : 'idle'}>
                {isNow ? 'scores now' : scored > 0 ? 'done' : 'planned'}
              </State>
            ),
          },
        ]}
      />
      <Rows
        label="Partitions"
        rows={partitions.map((one, partition) => ({ ...one, partition }))}
        keyOf={({ partition }) => `${partition}`}
        columns={[
          { title: 'Partition', isFigure: true, cell: ({ partition }) => partition },
          { title: 'Next offset', isFigure: true, cell: ({ next }) => numberText(next) },
          { title: 'Lag', isFigure: true, cell: ({ waiting: lag }) => numberText(lag) },
          { title: 'Scored here', cell: ({ here }) => (here ? 'yes' : 'by another process') },
        ]}
      />
      {plans.length > 0 && (
        <Rows
          label="Plans"
          rows={plans.toReversed()}
          keyOf={({ plan }) => `${plan}`}
          columns={[
            { title: 'Plan', isFigure: true, cell: ({ plan }) => plan },
            { title: 'Version', isFigure: true, cell: ({ version }) => version },
            { title: 'Phase', cell: ({ phase }) => wordsText(phase) },
            { title: 'Reached everywhere', cell: ({ reached }) => (reached ? 'yes' : 'no') },
          ]}
        />
      )}
    </>
  );
}
