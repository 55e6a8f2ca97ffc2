import type { Schema } from '../../api/client.ts';
import { countText } from '../../look/format.ts';
import { Empty, Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';

type Project = Schema<'Project'>;

/** Features are shown up to this number: a search finds the others. */
const MOST = 200;

/** One feature of a service with everything that it comes from and feeds. */
interface Line {
  readonly service: string;
  readonly feature: string;
  readonly type: string;
  readonly tier: string;
  readonly views: readonly string[];
  readonly sources: readonly string[];
  readonly models: readonly string[];
}

/** Every feature by a few letters, with its lineage from source to model. */
export function Catalogue({ project, text }: { readonly project: Project; readonly text: string }) {
  const words = text.toLowerCase().split(/\s+/);
  const lines = linesOf(project).filter((line) => {
    const all = [line.service, line.feature, line.tier, ...line.views, ...line.sources, ...line.models].join(' ');
    return words.every((word) => all.toLowerCase().includes(word));
  });
  return (
    <Panel title={countText(lines.length, 'feature')} note="From its sources to the models that it feeds.">
      {lines.length === 0 ? (
        <Empty>No feature has these letters.</Empty>
      ) : (
        <Rows
          label="Features"
          rows={lines.slice(0, MOST)}
          keyOf={({ service, feature }) => `${service} ${feature}`}
          columns={[
            { title: 'Sources', cell: ({ sources }) => sources.join(', ') || 'the request' },
            { title: 'Views', cell: ({ views }) => views.join(', ') || '–' },
            { title: 'Feature', cell: ({ feature }) => feature },
            { title: 'Type', cell: ({ type }) => type },
            { title: 'Tier', cell: ({ tier }) => tier },
            { title: 'Service', cell: ({ service }) => service },
            { title: 'Models', cell: ({ models }) => models.join(', ') || '–' },
          ]}
        />
      )}
      {lines.length > MOST && <p>{lines.length - MOST} more: search for their names.</p>}
    </Panel>
  );
}

function linesOf({ services, views, models }: Project): readonly Line[] {
  const readBy = new Map(views.map(({ name, reads }) => [name, reads]));
  return services.flatMap(({ name: service, features }) =>
    features.map((one) => ({
      service,
      feature: one.name,
      type: one.type,
      tier: one.tier,
      views: one.views,
      sources: [...new Set(one.views.flatMap((view) => readBy.get(view) ?? []))],
      models: models.filter((model) => model.service === service).map(({ name }) => name),
    })),
  );
}
