import { durationText } from '../../observe/duration-text.ts';
import type { FeaturesReport, Lateness, ServiceReport, SourceReport } from './features-report.ts';
import type { Quarantined } from './quarantine.ts';
import { ageText, columnCells, columnHeads, findingsOf, instantText } from './report-text.ts';
import type { HourVolume } from './volume.ts';

const style = `
body{font:15px/1.5 system-ui,sans-serif;max-width:1200px;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
h1{font-size:1.4rem;margin-bottom:0}h2{font-size:1.15rem;margin-top:2.2rem}h3{font-size:1rem;margin:1.2rem 0 .3rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14px}
td,th{text-align:right;padding:.2rem .6rem;border-bottom:1px solid #e4e4e4;vertical-align:top;white-space:nowrap}
th{font-weight:600}td:first-child,th:first-child,td:nth-child(2),th:nth-child(2){text-align:left}
.text td{text-align:left;white-space:normal;overflow-wrap:anywhere}.text th{text-align:left}.text td:nth-child(-n+4){white-space:nowrap}
.small{color:#555;font-size:13px;margin-top:.2rem}.findings li{margin:.15rem 0}.good{color:#2c6e49}
code{background:#f3f3f3;padding:.1rem .3rem;font-size:13px}svg{width:100%;height:auto;display:block}
.bar{fill:#3b6ea5}.odd{fill:#a33b3b}.part{fill:#a9c1da}.usual{stroke:#c77f2a;stroke-width:2;fill:none}.axis{fill:#555;font-size:11px}
@media (prefers-color-scheme:dark){body{background:#181818;color:#e6e6e6}td,th{border-color:#333}.small{color:#aaa}.axis{fill:#aaa}code{background:#2a2a2a}.good{color:#7cc79b}.part{fill:#4d6680}}
`;

/** A report as one HTML file that needs no network. */
export function reportHtml(report: FeaturesReport): string {
  const { project, from, to, services, sources } = report;
  const findings = findingsOf(report);
  const told =
    findings.length === 0
      ? '<p class="good">Nothing stands out.</p>'
      : `<ul class="findings">${findings.map((text) => `<li>${escaped(text)}</li>`).join('')}</ul>`;
  const body = [
    `<h1>Features of ${escaped(project)}</h1><p class="small">${instantText(from)} to ${instantText(to)}, UTC</p>`,
    told,
    ...services.map(serviceSection),
    ...sources.map(sourceSection),
  ];
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Features of ${escaped(project)}</title><style>${style}</style></head><body>${body.join('\n')}</body></html>\n`;
}

function serviceSection({ service, vectors, features }: ServiceReport): string {
  const rows = features.map((feature) => columnCells(feature, ageText(feature)));
  return `<h2>Service ${escaped(service)}</h2><p class="small">${vectors} logged vectors</p>${columnTable(rows)}`;
}

function sourceSection({ source, volume, lateness, columns, quarantined }: SourceReport): string {
  const late = `p50 ${durationText(lateness.p50Ms)}, p99 ${durationText(lateness.p99Ms)}, at most ${durationText(lateness.mostMs)}; ${lateness.tooLate} too late to count`;
  return [
    `<h2>Source ${escaped(source)}</h2><p class="small">${volume.deliveries} deliveries</p>`,
    columnTable(columns.map((column) => columnCells(column, ''))),
    '<h3>Deliveries by hour of arrival, and the median of the same hour of the past four weeks</h3>',
    volumeChart(volume.hours),
    `<h3>From event time to arrival</h3><p class="small">${late}</p>`,
    latenessChart(lateness),
    quarantineTable(quarantined),
  ].join('\n');
}

function columnTable(rows: readonly (readonly string[])[]): string {
  const heads = columnHeads.map((head) => `<th>${head}`).join('');
  const lines = rows.map((row) => `<tr>${row.map((cell) => `<td>${escaped(cell)}`).join('')}`);
  return `<div class="scroll"><table><tr>${heads}${lines.join('')}</table></div>`;
}

function quarantineTable(quarantined: readonly Quarantined[]): string {
  if (quarantined.length === 0) return '';
  const rows = quarantined.map(
    ({ code, column, events, at, reason, sample }) =>
      `<tr><td>${escaped(code)}<td>${escaped(column ?? '')}<td>${events}<td>${instantText(at)}<td>${escaped(reason)}<br><code>${escaped(sample)}</code>`,
  );
  return `<h3>Refused</h3><div class="scroll"><table class="text"><tr><th>code<th>column<th>events<th>newest<th>reason, and the newest event${rows.join('')}</table></div>`;
}

const WIDTH = 1_000;
const HEIGHT = 120;
/** Width of the text of an hour. */
const LABEL_WIDTH = 70;

function volumeChart(hours: readonly HourVolume[]): string {
  if (hours.length === 0) return '';
  const most = Math.max(1, ...hours.flatMap(({ deliveries, usual }) => [deliveries, usual ?? 0]));
  const step = WIDTH / hours.length;
  const y = (count: number) => HEIGHT - (count / most) * HEIGHT;
  const bars = hours.map(({ hour, deliveries, usual, whole, verdict }, i) => {
    const title = `${instantText(hour)}: ${deliveries}${usual === null ? '' : `, usual ${usual}`}${whole ? '' : ' (part of the hour)'}`;
    const name = verdict === null ? (whole ? 'bar' : 'part') : 'odd';
    return `<rect class="${name}" x="${fixed(i * step)}" y="${fixed(y(deliveries))}" width="${fixed(Math.max(0.5, step - 1))}" height="${fixed(HEIGHT - y(deliveries))}"><title>${title}</title></rect>`;
  });
  const usual = hours.flatMap((hour, i) =>
    hour.usual === null ? [] : [`M${fixed(i * step)} ${fixed(y(hour.usual))}h${fixed(step)}`],
  );
  const every = Math.max(1, Math.ceil(hours.length / 12));
  const labels = hours.flatMap(({ hour }, i) =>
    i % every === 0 && i * step <= WIDTH - LABEL_WIDTH
      ? [label(i * step, HEIGHT + 14, new Date(hour).toISOString().slice(5, 16).replace('T', ' '))]
      : [],
  );
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT + 20}" role="img" aria-label="deliveries by hour, at most ${most}">${bars.join('')}<path class="usual" d="${usual.join('')}"/>${labels.join('')}${label(2, 10, `${most}`)}</svg>`;
}

function latenessChart({ bins }: Lateness): string {
  const most = Math.max(1, ...bins.map(({ deliveries }) => deliveries));
  const step = WIDTH / bins.length;
  const height = 80;
  const bars = bins.map(({ atMostMs, deliveries }, i) => {
    const tall = (deliveries / most) * height;
    const text = atMostMs === null ? 'later' : `≤ ${durationText(atMostMs)}`;
    return `<rect class="bar" x="${fixed(i * step)}" y="${fixed(height - tall + 14)}" width="${fixed(step - 4)}" height="${fixed(tall)}"><title>${text}: ${deliveries}</title></rect>${label(i * step, height - tall + 10, deliveries === 0 ? '' : String(deliveries))}${label(i * step, height + 28, text)}`;
  });
  return `<svg viewBox="0 0 ${WIDTH} ${height + 34}" role="img" aria-label="deliveries by lateness">${bars.join('')}</svg>`;
}

function label(x: number, y: number, text: string): string {
  return text === '' ? '' : `<text class="axis" x="${fixed(x)}" y="${fixed(y)}">${escaped(text)}</text>`;
}

function fixed(value: number): string {
  return String(Number(value.toFixed(1)));
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
