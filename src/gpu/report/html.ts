import type { Diagnosis, Timeline, TraceReport } from '../diagnosis.ts';
import type { Finding } from '../finding.ts';
import { ms, percent } from '../rules/rule.ts';
import { evidenceText, stepText } from './terminal.ts';
import { scaledBlocks } from './timeline.ts';

/** Limits that keep a page below 2 MB: blocks in all timelines, rows of a table, and traces, which are mostly ranks. */
const most = { blocks: 12_000, rows: 200, traces: 16 } as const;
const colours = ['#3b6ea5', '#c77f2a', '#7a5ea8', '#d5d5d5', '#a33b3b'] as const;

const style = `
body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2rem auto;padding:0 1rem;color:#1a1a1a}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}
h1,h2,p,li,td,th,code,summary{overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem;border-bottom:1px solid #e4e4e4;vertical-align:top}
.bar{display:flex;height:26px;margin:.3rem 0}.bar span{display:block;overflow:hidden;white-space:nowrap;color:#fff;font-size:12px;line-height:26px;padding-left:4px;box-sizing:border-box}
.warning{border-left:4px solid #a33b3b;padding-left:.8rem}.info{border-left:4px solid #c77f2a;padding-left:.8rem}
code{background:#f3f3f3;padding:.1rem .3rem}.small{color:#555;font-size:13px}
svg{width:100%;height:auto;background:#fafafa}
@media (prefers-color-scheme:dark){body{background:#181818;color:#e6e6e6}code,svg{background:#242424}td,th{border-color:#333}.small{color:#aaa}}
`;

/**
 * The diagnosis as one HTML file that needs no network: findings first, then what they were found in. Each path is there once, in
 * the list of files; everywhere else its name links to it.
 */
export function htmlReport(diagnosis: Diagnosis): string {
  const shown = diagnosis.traces.slice(0, most.traces);
  const page = [
    `<h1>GPU efficiency</h1><p><b>${escaped(diagnosis.summary)}</b></p>`,
    contents(diagnosis),
    ...diagnosis.findings.map((finding, index) => findingSection(finding, index, shown)),
    ...(diagnosis.findings.length > 0 ? [waterfall(diagnosis)] : []),
    list('Unanswered', diagnosis.reasons),
    utilisationTable(diagnosis),
    allocationTable(diagnosis),
    processTable(diagnosis),
    ...shown.map((trace, index) => traceSection(trace, Math.floor(most.blocks / shown.length), index)),
    more(diagnosis.traces.length - most.traces, 'traces'),
    kernelTable(diagnosis),
    list('Notes', [
      ...diagnosis.limitations,
      ...diagnosis.traces.flatMap(({ file, limitations }) => limitations.map((text) => `${file}: ${text}`)),
    ]),
    levels(diagnosis),
  ];
  const body = `${withLinks(page.join('\n'), diagnosis)}\n${filesTable(diagnosis)}`;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>GPU efficiency</title><style>${style}</style></head><body>${body}</body></html>\n`;
}

/** Links to the findings and to what follows them. */
function contents({ findings }: Diagnosis): string {
  const links = findings.map(({ title }, index) => `<li><a href="#finding-${index + 1}">${escaped(title)}</a></li>`);
  return `<ol>${links.join('')}</ol><p class="small"><a href="#files">files</a> · <a href="#levels">the investigation</a></p>`;
}

/** The place of each file that is named anywhere. */
function pathsOf({ files, refused, traces }: Diagnosis): readonly string[] {
  return [...new Set([...files, ...refused].map(({ path }) => path).concat(traces.map(({ file }) => file)))];
}

function filesTable(diagnosis: Diagnosis): string {
  const { files, refused } = diagnosis;
  const rows = pathsOf(diagnosis).map((path, index) => {
    const refusal = refused.find((one) => one.path === path);
    const what =
      refusal === undefined
        ? (files.find((one) => one.path === path)?.what ?? '')
        : `not read: ${refusal.code}: ${refusal.message.replaceAll(path, 'it')}`;
    return `<tr id="file-${index + 1}"><td>${escaped(path)}<td>${escaped(what.replaceAll(path, 'it'))}`;
  });
  return `<h2 id="files">Files</h2><table><tr><th>path<th>what it is</tr>${rows.join('')}</table>`;
}

/** The page with links to files in place of their paths, which end where a path can end. */
function withLinks(page: string, diagnosis: Diagnosis): string {
  const paths = pathsOf(diagnosis);
  const numbers = new Map(paths.map((path, index) => [escaped(path), index + 1]));
  const longestFirst = [...numbers.keys()].sort((a, b) => b.length - a.length);
  if (longestFirst.length === 0) return page;
  const any = new RegExp(
    `(?<![\\w./-])(${longestFirst.map((path) => path.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})(?![\\w/-]|\\.\\w)`,
    'g',
  );
  const names = new Map<string, number>();
  for (const path of paths) names.set(nameOf(path), (names.get(nameOf(path)) ?? 0) + 1);
  // Of text only: tags and attributes hold no path.
  return page.replaceAll(/>[^<]+/g, (text) =>
    text.replaceAll(any, (path) => {
      const number = numbers.get(path) ?? 0;
      const name = nameOf(paths[number - 1] ?? '');
      const label = names.get(name) === 1 ? name : `${name} (${number})`;
      return `<a href="#file-${number}">${escaped(label)}</a>`;
    }),
  );
}

function nameOf(path: string): string {
  return path.split(/[/\\]/).findLast((part) => part !== '') ?? path;
}

function utilisationTable({ utilisation }: Diagnosis): string {
  if (utilisation.length === 0) return '';
  const rows = utilisation.map(({ file, mean, nonIdleShare, meanOfNonIdle, idleShare, saturatedShare, meanPowerW }) =>
    row([
      file,
      `${mean.toFixed(1)} %`,
      `${percent(nonIdleShare)} %`,
      nonIdleShare === 0 ? '' : `${meanOfNonIdle.toFixed(1)} %`,
      `${percent(idleShare)} %`,
      `${percent(saturatedShare)} %`,
      Number.isNaN(meanPowerW) ? '' : `${meanPowerW.toFixed(0)} W`,
    ]),
  );
  return `<h2>Utilisation = non-idle × busy</h2><table><tr><th>samples<th>mean<th>non-idle<th>busy then<th>below 1 %<th>at 95 % or more<th>power</tr>${rowsText(rows)}</table>`;
}

function allocationTable({ allocation }: Diagnosis): string {
  if (allocation.length === 0) return '';
  const rows = allocation.map(({ file, allocatedShare, nonIdleShare, meanOfNonIdle, jobs, idleGpuHours }) =>
    row([
      file,
      `${percent(allocatedShare)} %`,
      `${percent(nonIdleShare)} %`,
      nonIdleShare === 0 ? '' : `${meanOfNonIdle.toFixed(1)} %`,
      String(jobs.length),
      idleGpuHours.toFixed(2),
    ]),
  );
  return `<h2>With the jobs = allocated × non-idle × busy</h2><table><tr><th>samples<th>allocated<th>non-idle<th>busy then<th>jobs<th>held idle, GPU-hours</tr>${rowsText(rows)}</table>`;
}

function processTable({ processes }: Diagnosis): string {
  const rows = processes.flatMap(({ file, gpu, processes: all }) =>
    all.map(({ pid, command, smPercent, memoryMb, presentShare }) =>
      row([
        file,
        gpu,
        `${command.slice(0, 60)} (${pid})`,
        Number.isNaN(smPercent) ? '' : `${smPercent.toFixed(1)} %`,
        Number.isNaN(memoryMb) ? '' : `${(memoryMb / 1024).toFixed(1)} GB`,
        `${percent(presentShare)} %`,
      ]),
    ),
  );
  return rows.length === 0
    ? ''
    : `<h2>Whose the GPUs are</h2><table><tr><th>samples<th>GPU<th>process<th>of the SMs<th>memory<th>of the samples</tr>${rowsText(rows)}</table>`;
}

function traceSection(trace: TraceReport, mostBlocks: number, index: number): string {
  const {
    file,
    rank,
    device,
    deviceName,
    stepUs,
    steps,
    decomposition: d,
    gaps,
    hostWork,
    topKernels,
    operators,
    gpuSpan,
  } = trace;
  const parts = [
    ['computation', d.computationUs],
    ['exposed communication', d.exposedCommunicationUs],
    ['exposed copies', d.exposedCopyUs],
    ['idle', d.idleUs],
  ] as const;
  const bar = parts.map(([name, us], part) => {
    const share = us / d.totalUs;
    const text = share > 0.06 ? `${name} ${percent(share)} %` : '';
    return share <= 0
      ? ''
      : `<span title="${name}: ${percent(share)} %" style="width:${(100 * share).toFixed(2)}%;background:${part === 3 ? '#888' : colours[part]}">${text}</span>`;
  });
  const gapRows = Object.entries(gaps).map(([size, sum]) =>
    row([
      size,
      String(sum.count),
      `${percent(sum.us / d.totalUs)} %`,
      `${percent(sum.hostUs / d.totalUs)} %`,
      `${percent(sum.queuedUs / d.totalUs)} %`,
      `${percent(sum.unknownUs / d.totalUs)} %`,
    ]),
  );
  const workRows = Object.entries(hostWork)
    .filter(([, us]) => us > 0)
    .map(([work, us]) => row([work, `${percent(us / d.totalUs)} %`]));
  const kernelRows = topKernels.map(({ name, calls, us, share }) =>
    row([name.slice(0, 160), String(calls), `${ms(us)} ms`, `${percent(share)} %`]),
  );
  const operatorRows = operators.map(({ name, shapes, type, calls, us, share, tflops, tbPerS, bound, shareOfPeak }) =>
    row([
      `${name} ${shapes}`.slice(0, 160),
      type,
      String(calls),
      `${(us / calls).toFixed(1)} µs`,
      `${percent(share)} %`,
      tflops === null ? '' : tflops.toFixed(1),
      tbPerS === null ? '' : tbPerS.toFixed(3),
      bound === null || shareOfPeak === null ? '' : `${percent(shareOfPeak)} % of ${bound}`,
    ]),
  );
  const stepRows = steps.map(({ name, us, leftOut }) => row([name, `${ms(us)} ms`, leftOut ?? 'steady']));
  return [
    `<h2 id="trace-${index + 1}">${escaped(file)}</h2><p class="small">${rank === null ? '' : `rank ${rank}, `}GPU ${device} ${escaped(deviceName)}; ${trace.window}; typical ${ms(stepUs)} ms; from the first to the last GPU event ${percent(gpuSpan.idleUs / gpuSpan.totalUs)} % idle</p>`,
    `<div class="bar">${bar.join('')}</div>`,
    timelineSvg(trace.timeline, mostBlocks),
    `<table><tr><th>gaps<th>number<th>of the time<th>nothing submitted<th>work queued<th>not known</tr>${rowsText(gapRows)}</table>`,
    workRows.length === 0
      ? ''
      : `<table><tr><th>what the host did while nothing was submitted<th>of the time</tr>${rowsText(workRows)}</table>`,
    operatorRows.length === 0
      ? ''
      : `<details><summary>operators by their shapes</summary><table><tr><th>operator<th>type<th>calls<th>each<th>of kernel time<th>TFLOP/s<th>TB/s<th>of the peak that bounds it</tr>${rowsText(operatorRows)}</table></details>`,
    `<details><summary>longest kernels, steps</summary><table><tr><th>kernel<th>calls<th>time<th>of kernel time</tr>${rowsText(kernelRows)}</table><table><tr><th>step<th>time<th></tr>${rowsText(stepRows)}</table></details>`,
  ].join('\n');
}

function timelineSvg({ name, us, lanes }: Timeline, mostBlocks: number): string {
  const drawn = lanes.map(({ name: lane, blocks }, index) => {
    const y = 24 * index + 4;
    const bars = coarser(blocks, us, Math.max(Math.floor(mostBlocks / lanes.length), 1)).map(
      ([from, length]) =>
        `<rect x="${(200 + (980 * from) / us).toFixed(2)}" y="${y}" width="${((980 * length) / us).toFixed(3)}" height="16"/>`,
    );
    return `<text x="0" y="${y + 12}" font-size="12" fill="currentColor">${escaped(lane)}</text><g fill="${colours[index] ?? '#888'}">${bars.join('')}</g>`;
  });
  return `<p class="small">${escaped(name)}, ${ms(us)} ms; to scale: a lane is as full as its share of the step</p><svg viewBox="0 0 1180 ${24 * lanes.length + 8}" role="img" aria-label="timeline of ${escaped(name)}">${drawn.join('')}</svg>`;
}

/** The same blocks in fewer cells, where there are too many. */
function coarser(blocks: Timeline['lanes'][number]['blocks'], us: number, cells: number): typeof blocks {
  if (blocks.length <= cells) return blocks;
  const starts = blocks.map(([from]) => from);
  return scaledBlocks({ starts, ends: blocks.map(([from, length]) => from + length) }, 0, us, cells);
}

function kernelTable({ kernels }: Diagnosis): string {
  if (kernels.length === 0) return '';
  const rows = kernels.map(({ name, verdict, memoryLevel, by, smPercent, memoryPercent, shareOfKernelTime }) =>
    row([
      name.slice(0, 160),
      `${verdict}${memoryLevel === null ? '' : ` (${memoryLevel})`}`,
      by,
      Number.isNaN(smPercent) ? '' : `${smPercent} %`,
      Number.isNaN(memoryPercent) ? '' : `${memoryPercent} %`,
      shareOfKernelTime === null ? '' : `${percent(shareOfKernelTime)} %`,
    ]),
  );
  return `<h2>Kernels that Nsight Compute measured</h2><table><tr><th>kernel<th>limited by<th>by<th>SM<th>memory<th>of kernel time</tr>${rowsText(rows)}</table>`;
}

function findingSection(finding: Finding, index: number, traces: readonly TraceReport[]): string {
  const {
    severity,
    title,
    cause,
    confidence,
    shareOfStep,
    ceiling,
    remainingStepUs,
    gpuHours,
    expected,
    evidence,
    fix,
    disproof,
    nextCommand,
  } = finding;
  const gain = [
    cause,
    `confidence ${confidence}`,
    ...(shareOfStep === null ? [] : [`${percent(shareOfStep)} % of the step`]),
    ...(ceiling === null ? [] : [`at most ${ceiling.toFixed(2)}× faster`]),
    ...(remainingStepUs === null ? [] : [`${ms(remainingStepUs)} ms would remain${stepText(finding)}`]),
    ...(gpuHours === null ? [] : [`${gpuHours.toFixed(1)} GPU-hours`]),
  ];
  return [
    `<section class="${severity}" id="finding-${index + 1}"><h2>${index + 1}. ${escaped(title)}</h2><p class="small">${gain.map(escaped).join(' · ')}</p>`,
    traceLink(finding, traces),
    `<p>Expected: ${escaped(expected)}.</p>`,
    `<ul>${evidence
      .slice(0, most.rows)
      .map(
        (one) =>
          `<li>${escaped(evidenceText(one))} <span class="small">${one.file === finding.scope.file ? '' : `${escaped(one.file)} `}${one.rangeUs === undefined ? '' : `${one.rangeUs[0].toFixed(0)} to ${one.rangeUs[1].toFixed(0)} µs`}</span></li>`,
      )
      .join('')}</ul>`,
    `<p>Fix:</p><ul>${fix.map((text) => `<li>${escaped(text)}</li>`).join('')}</ul>`,
    `<p>Disproof: ${escaped(disproof)}.</p><p><code>${escaped(nextCommand)}</code></p></section>`,
  ].join('');
}

/** A link from a finding to the GPU that it is about. */
function traceLink({ scope, step }: Finding, traces: readonly TraceReport[]): string {
  const device = scope.device ?? step?.device ?? null;
  const index = traces.findIndex((trace) => trace.file === scope.file && (device === null || trace.device === device));
  return index < 0
    ? `<p class="small">in ${escaped(scope.file)}</p>`
    : `<p class="small">in ${escaped(scope.file)}, <a href="#trace-${index + 1}">its timeline</a></p>`;
}

/** The remaining time of each step after each of its findings. */
function waterfall({ findings }: Diagnosis): string {
  const steps = Map.groupBy(
    findings.filter(({ step, remainingStepUs }) => step !== null && remainingStepUs !== null),
    ({ step }) => `${step?.file}, ${step?.rank === null ? '' : `rank ${step?.rank}, `}GPU ${step?.device}`,
  );
  const bar = (name: string, us: number, whole: number) =>
    `<div class="small">${escaped(name)}: ${ms(us)} ms</div><div class="bar"><span style="width:${((100 * us) / whole).toFixed(2)}%;background:#3b6ea5"></span></div>`;
  const charts = [...steps].map(([name, own]) => {
    const whole = Math.max(...own.map(({ step }) => step?.us ?? 0));
    return [
      `<p class="small">${escaped(name)}</p>`,
      bar('now', whole, whole),
      ...own.map(({ id, remainingStepUs }) => bar(`after ${id}`, remainingStepUs ?? 0, whole)),
    ].join('');
  });
  return charts.length === 0 ? '' : `<h2>What would remain of the step</h2>${charts.join('')}`;
}

function levels({ levels: all }: Diagnosis): string {
  const rows = all.map(({ level, title, evidence, missing }) =>
    row([`${level} ${title}`, evidence.join('; ') || 'no evidence', missing ?? '']),
  );
  return `<h2 id="levels">The investigation</h2><table><tr><th>level<th>evidence<th>to collect</tr>${rowsText(rows)}</table>`;
}

function list(title: string, texts: readonly string[]): string {
  const shown = texts.slice(0, most.rows).map((text) => `<li>${escaped(text)}</li>`);
  return texts.length === 0
    ? ''
    : `<h2>${title}</h2><ul>${shown.join('')}</ul>${more(texts.length - most.rows, 'lines')}`;
}

function rowsText(rows: readonly string[]): string {
  const left = rows.length - most.rows;
  return `${rows.slice(0, most.rows).join('')}${left > 0 ? row([`${left} more rows: --json has all`]) : ''}`;
}

function more(left: number, what: string): string {
  return left > 0 ? `<p class="small">${left} more ${what}: --json has all</p>` : '';
}

function row(cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td>${escaped(cell)}`).join('')}</tr>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
