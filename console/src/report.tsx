import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import type { CostPlan } from '../../src/cost/plan/plan.ts';
import type { Diagnosis } from '../../src/gpu/diagnosis.ts';
import type { ReportKind } from '../../src/report/report-kinds.ts';
import type { Schema } from './api/client.ts';
import { followSystemTheme } from './app/theme.ts';
import { numberText } from './look/format.ts';
import { Empty, Page, Panel } from './look/page.tsx';
import { Time } from './look/time.tsx';
import { Planned } from './pages/cost/planned.tsx';
import { DriftedFeatures } from './pages/drift/features.tsx';
import { JudgedWindow } from './pages/drift/judged-window.tsx';
import type { Comparison, Window } from './pages/drift/window.ts';
import { Profiles, Services } from './pages/features/served.tsx';
import { Diagnosed } from './pages/gpu/diagnosed.tsx';
import { Arrived } from './pages/sources/arrived.tsx';
import './look/tokens.css';
import './look/base.css';
import './report.css';

/** The JSON of each kind, as its command prints it. */
interface Reports {
  readonly window: Window;
  readonly comparison: Comparison;
  readonly features: Schema<'FeatureReport'>;
  readonly gpu: Diagnosis;
  readonly cost: CostPlan;
}

/** How each kind is shown: by the parts of the console's pages. */
const shownBy: { readonly [Kind in ReportKind]: (props: { readonly of: Reports[Kind] }) => React.ReactNode } = {
  window: WindowReport,
  comparison: ComparisonReport,
  features: FeaturesReport,
  gpu: ({ of }) => (
    <Page title="GPU efficiency">
      <Diagnosed diagnosis={of} />
    </Page>
  ),
  cost: ({ of }) => (
    <Page title={`Training cost: ${of.job}`}>
      <Planned plan={of} />
    </Page>
  ),
};

function WindowReport({ of }: { readonly of: Window }) {
  const [feature, setFeature] = useState<string>();
  const { model, modelVersion, from, to, at, decisions } = of;
  return (
    <Page title={`${model}, version ${modelVersion}`}>
      <JudgedWindow
        window={of}
        feature={feature}
        onFeature={setFeature}
        note={
          <>
            <Time at={from} /> to <Time at={to} />, as known at <Time at={at} />.
          </>
        }
      />
      <Panel title="Decision log">
        {decisions.length === 0 ? <Empty>No decision.</Empty> : <pre>{decisions.join('\n')}</pre>}
      </Panel>
    </Page>
  );
}

function ComparisonReport({ of }: { readonly of: Comparison }) {
  const [feature, setFeature] = useState<string>();
  const { verdict, features, reference, current, domainAuc, excluded } = of;
  const drifted = features.filter(({ state }) => state === 'drift').length;
  return (
    <Page title={`Drift: ${verdict}`} finding={`${drifted} of ${features.length} features drifted.`}>
      <Panel
        title="Features against the reference"
        note={`Reference ${reference.name}, ${numberText(reference.rows)} rows; current ${current.name}, ${numberText(current.rows)} rows${domainAuc === null ? '' : `; domain AUC ${numberText(domainAuc)}, 0.5 where both look alike`}.`}
      >
        <DriftedFeatures comparison={of} feature={feature} onFeature={setFeature} />
        {excluded.map(({ name, reason }) => (
          <p key={name}>
            {name} is not compared: {reason}
          </p>
        ))}
      </Panel>
    </Page>
  );
}

function FeaturesReport({ of }: { readonly of: Reports['features'] }) {
  const { project, from, to, findings, sources } = of;
  return (
    <Page title={`Features of ${project}`}>
      <Panel
        title={findings.length === 0 ? 'Nothing stands out' : 'Findings'}
        note={
          <>
            <Time at={from} /> to <Time at={to} />
          </>
        }
      >
        <ul>
          {findings.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      </Panel>
      <Panel title="Served values">
        <Services report={of} text="" />
      </Panel>
      {sources.map((source) => (
        <Panel key={source.source} title={`Source ${source.source}`}>
          <Profiles label={`Columns of ${source.source}`} columns={source.columns} />
          <Arrived source={source} />
        </Panel>
      ))}
    </Page>
  );
}

/** The element of a kind; the page without a report has none. */
function elementOf(kind: string | undefined, data: unknown) {
  if (kind === undefined || !Object.hasOwn(shownBy, kind)) return <Page title="No report">{null}</Page>;
  const Shown = shownBy[kind as ReportKind] as (props: { readonly of: unknown }) => React.ReactNode;
  return <Shown of={data} />;
}

followSystemTheme();
const source = document.getElementById('report');
const place = document.getElementById('main');
if (source !== null && place !== null) {
  const { kind } = source.dataset;
  const element = elementOf(kind, kind === undefined ? null : JSON.parse(source.textContent));
  createRoot(place).render(<StrictMode>{element}</StrictMode>);
}
