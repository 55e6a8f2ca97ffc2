import { Link } from '@tanstack/react-router';
import { base } from '../../api/base.ts';
import { useProject } from '../../app/project.ts';
import { numberText, shareText } from '../../look/format.ts';
import { Empty, Facts, Panel } from '../../look/page.tsx';
import type { Line } from './page.tsx';

/** What a training set is made of, and how to write the same rows again: as a command, in Python, in TypeScript. */
export function SameRows({ line: { model, version, set } }: { readonly line: Line }) {
  const declared = useProject().data?.models.find(({ name }) => name === model);
  const features = version.signature?.features ?? [];
  const uniform = set.uniform ?? [];
  const positives = version.metrics?.['positives'];
  return (
    <Panel title={`${model} ${version.version}: the same rows again`}>
      <Facts
        of={[
          ['Digest', <code key="digest">{set.digest.slice(0, 16)}</code>],
          ['Spine', declared === undefined ? '–' : `events of ${declared.spine}`],
          ['Label', declared === undefined ? '–' : `from ${declared.label.from}`],
          ['Service', version.lineage?.service ?? '–'],
          ['Rows', numberText(set.rows)],
          ['Left out without a label', shareText(set.unlabelled / Math.max(1, set.rows + set.unlabelled))],
          ['Positive', positives === undefined ? '–' : shareText(positives / Math.max(1, set.rows))],
          ['Columns', numberText(features.length)],
          ['Trainer', version.lineage?.trainer.kind ?? '–'],
        ]}
      />
      {uniform.length > 0 && (
        <p>Null, or one value, in all rows: {uniform.join(', ')}. Nothing can be learned from these columns.</p>
      )}
      <details>
        <summary>{numberText(features.length)} columns</summary>
        <p>{features.join(', ')}</p>
      </details>
      <Empty command={commandOf(model, set)}>As a command:</Empty>
      <Empty command={pythonOf(model, set)}>In Python:</Empty>
      <Empty command={typeScriptOf(model, set)}>In TypeScript:</Empty>
      <p>
        <Link to="/models" search={() => ({ model, version: `${version.version}` })}>
          The version
        </Link>
      </p>
    </Panel>
  );
}

type Set = Line['set'];

function commandOf(model: string, { from, to, mode }: Set): string {
  const span = `${from === null ? '' : ` --from ${isoOf(from)}`}${to === null ? '' : ` --to ${isoOf(to)}`}`;
  return `npx headrace training-set ${model} --out set.parquet${span} --mode ${mode}`;
}

/** The server writes the rows; pandas reads them from it. */
function pythonOf(model: string, { from, to, mode }: Set): string {
  const query = new URLSearchParams({
    ...(from === null ? {} : { from: `${from}` }),
    ...(to === null ? {} : { to: `${to}` }),
    mode,
  });
  return `import pandas as pd

rows = pd.read_parquet("${base}/v1/model-sets/${encodeURIComponent(model)}?${query}")
# of a server with keys: storage_options={"authorization": f"Bearer {key}"}`;
}

function typeScriptOf(model: string, { from, to, mode }: Set): string {
  const span = `${from === null ? '' : `from: ${from}, `}${to === null ? '' : `to: ${to}, `}`;
  return `await headrace.writeTrainingSet(headrace.model('${model}'), 'set.parquet', { ${span}mode: '${mode}' })`;
}

function isoOf(at: number): string {
  return new Date(at).toISOString();
}
