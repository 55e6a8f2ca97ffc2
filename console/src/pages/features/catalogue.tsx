import { useMemo } from 'react';
import type { Schema } from '../../api/client.ts';
import { countText } from '../../look/format.ts';
import { Empty, Panel } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';

type Project = Schema<'Project'>;

/** One feature of a service with everything that it comes from and feeds. */
interface Line {
  readonly service: string;
  readonly feature: string;
  readonly type: string;
  readonly tier: string;
  readonly views: readonly string[];
  readonly sources: readonly string[];
  readonly models: readonly string[];
  /** All of these in small letters. */
  readonly letters: string;
}

/** Every feature by a few letters, with its lineage from source to model. */
export function Catalogue({ project, text }: { readonly project: Project; readonly text: string }) {
  const words = text.toLowerCase().split(/\s+/);
  // Once for a project: the page renders with every live answer.
  const all = useMemo(() => linesOf(project), [project]);
  const lines = all.filter(({ letters }) => words.every((word) => letters.includes(word)));
  return (
    <Panel title={countText(lines.length, 'feature')} note="From its sources to the models that it feeds.">
      {lines.length === 0 ? (
        <Empty>No feature has these letters.</Empty>
      ) : (
        <Rows
          label="Features"
          rows={lines}
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
    </Panel>
  );
}

function linesOf({ services, views, models }: Project): readonly Line[] {
  const readBy = new Map(views.map(({ name, reads }) => [name, reads]));
  const modelsOf = Map.groupBy(models, ({ service }) => service);
  return services.flatMap(({ name: service, features }) => {
    const names = (modelsOf.get(service) ?? []).map(({ name }) => name);
    return features.map(({ name: feature, type, tier, views: read }) => {
      const sources = [...new Set(read.flatMap((view) => readBy.get(view) ?? []))];
      const letters = [service, feature, tier, ...read, ...sources, ...names].join(' ').toLowerCase();
      return { service, feature, type, tier, views: read, sources, models: names, letters };
    });
  });
}
