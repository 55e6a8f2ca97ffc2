// Writes docs/internals/drift-side-by-side.md: two files by Headrace and by other tools, each in its own environment of Python.
// Run: node --conditions=headrace-source scripts/yardstick/side-by-side.ts <reference.csv> <current.csv>

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../run-command.ts';
import { type Peer, peerPython } from './peers.ts';

const [reference, current] = process.argv.slice(2);
if (reference === undefined || current === undefined) throw new Error('name two files');

interface Ours {
  readonly name: string;
  readonly state: string;
  readonly effect: {
    readonly debiasedPsi: number;
    readonly jensenShannon: number;
    readonly wasserstein: number | null;
  } | null;
  readonly evidence: { readonly statistic: number; readonly p: number } | null;
}

const byTool = async <T>(environment: Peer, tool: string): Promise<Readonly<Record<string, T>>> => {
  const program = join(root, 'scripts/yardstick/side_by_side.py');
  const text = execFileSync(await peerPython(environment), [program, tool, reference, current], {
    encoding: 'utf8',
  });
  return JSON.parse(text.trimEnd().split('\n').at(-1) ?? '{}') as Readonly<Record<string, T>>;
};

const main = join(root, 'src/cli/main.ts');
const text = execFileSync(
  process.execPath,
  ['--conditions=headrace-source', main, 'drift', 'compare', reference, current, '--json'],
  {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  },
);
const { features } = JSON.parse(text) as { readonly features: readonly Ours[] };
const evidently = await byTool<{ method: string; value: number; drifted: boolean }>('evidently', 'evidently');
const scipy = await byTool<{ ks?: number; chi2?: number; p: number; wasserstein?: number }>('evidently', 'scipy');
const nannyml = await byTool<{ js: number; limit: number; chunks: number }>('nannyml', 'nannyml');
const whylogs = await byTool<Record<'reference' | 'current', { median: number | null; distinct: number }>>(
  'whylogs',
  'whylogs',
);

const number = (value: number | null | undefined) =>
  value === null || value === undefined ? '–' : String(Number(value.toPrecision(4)));

const rows = features
  .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  .map(({ name, state, effect, evidence }) => {
    const [e, s, n, w] = [evidently[name], scipy[name], nannyml[name], whylogs[name]];
    return [
      name,
      `${state}, ${number(effect?.debiasedPsi)}`,
      `${number(evidence?.statistic)}, ${number(evidence?.p)}`,
      `${number(s?.ks ?? s?.chi2)}, ${number(s?.p)}`,
      `${number(effect?.wasserstein)} / ${number(s?.wasserstein)}`,
      e === undefined ? '–' : `${e.drifted ? 'drift' : 'ok'}, ${number(e.value)} (${e.method})`,
      n === undefined ? '–' : `${n.chunks} of 10, ${number(n.js)} > ${number(n.limit)}`,
      w === undefined ? '–' : `${number(w.reference.median)} → ${number(w.current.median)}`,
    ];
  });

const table = (head: readonly string[], body: readonly (readonly string[])[]) =>
  [head, head.map(() => '---'), ...body].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const page = `# Drift, side by side

The same two files by several tools: \`car_loan\` of NannyML, 50,000 rows each. \`scripts/yardstick/side-by-side.ts\` writes this page. The versions
are those of \`scripts/yardstick/peers.ts\`: Evidently 0.7.23, NannyML 0.13.1, whylogs 1.6.4, and scipy with Evidently.

${table(['column', 'Headrace: state, debiased PSI', 'Headrace: KS D or χ², p', 'scipy: D or χ², p', 'W1/σ, Headrace / scipy', 'Evidently, defaults', 'NannyML: alerts, greatest JS > limit', 'whylogs: median'], rows)}

Where they differ, and why:

- **KS, χ² and W1/σ** are those of scipy. \`loan_length\` has 17 whole numbers, which Headrace takes for codes: it has a χ², not a D. In one file of 50,000 rows
  a p-value of 1e-167 stands for an effect of 0.03: evidence alone is no drift.
- **Evidently** chooses a method by the size of the reference alone: above 1,000 rows W1/σ and Jensen–Shannon, each against 0.1. It does not ask whether
  the reference moves as much by itself, and corrects for no number of features.
- **NannyML** compares chunks of 5,000 rows with limits from the reference's own chunks (mean ± 3 sd). Headrace has such a limit too, and asks for effect
  and evidence as well. So a chunk barely above its limit is no drift here.
- **whylogs** shows sketches: its medians are within the rank error of KLL.
- **river** has detectors of streams, not comparisons of files: \`test/stats/detectors.test.ts\` compares them index by index.
`;
writeFileSync(join(root, 'docs/internals/drift-side-by-side.md'), page);
