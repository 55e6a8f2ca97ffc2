import type { Diagnosis } from '../diagnosis.ts';
import { processText } from '../rules/processes.ts';
import { ms, percent } from '../rules/rule.ts';
import { evidenceText, pathText, stepText } from './terminal.ts';

/** The diagnosis as Markdown, for an issue. */
export function markdownReport(diagnosis: Diagnosis): string {
  const lines: string[] = ['# GPU efficiency', '', inMarkdown(diagnosis.summary), ''];
  if (diagnosis.utilisation.length > 0) {
    lines.push('| samples | mean | non-idle | busy then | at 95 % or more |', '|---|---|---|---|---|');
    for (const { file, mean, nonIdleShare, meanOfNonIdle, saturatedShare } of diagnosis.utilisation)
      lines.push(
        `| ${inMarkdown(file)} | ${mean.toFixed(1)} % | ${percent(nonIdleShare)} % | ${nonIdleShare === 0 ? '' : `${meanOfNonIdle.toFixed(1)} %`} | ${percent(saturatedShare)} % |`,
      );
    lines.push('');
  }
  for (const { file, allocatedShare, nonIdleShare, meanOfNonIdle } of diagnosis.allocation)
    lines.push(
      `With the jobs, ${inMarkdown(file)}: ${percent(allocatedShare)} % allocated × ${percent(nonIdleShare)} % non-idle × ${nonIdleShare === 0 ? 0 : meanOfNonIdle.toFixed(1)} % busy.`,
      '',
    );
  for (const one of diagnosis.processes) lines.push(`${inMarkdown(`${one.file}: ${processText(one)}`)}.`, '');
  if (diagnosis.traces.length > 0) {
    lines.push(
      '| trace | step | computation | exposed communication | exposed copies | idle |',
      '|---|---|---|---|---|---|',
    );
    for (const { file, device, stepUs, decomposition: d } of diagnosis.traces) {
      const part = (us: number) => `${percent(us / d.totalUs)} %`;
      lines.push(
        `| ${inMarkdown(file)}, GPU ${device} | ${ms(stepUs)} ms | ${part(d.computationUs)} | ${part(d.exposedCommunicationUs)} | ${part(d.exposedCopyUs)} | ${part(d.idleUs)} |`,
      );
    }
    lines.push('');
    for (const { file, device, criticalPath } of diagnosis.traces)
      if (criticalPath !== null) lines.push(inMarkdown(`${file}, GPU ${device}: ${pathText(criticalPath)}.`), '');
  }
  for (const [index, finding] of diagnosis.findings.entries()) {
    const {
      title,
      cause,
      severity,
      confidence,
      shareOfStep,
      ceiling,
      remainingStepUs,
      evidence,
      fix,
      disproof,
      nextCommand,
      expected,
    } = finding;
    lines.push(`## ${index + 1}. ${inMarkdown(title)}`, '');
    lines.push(
      `${severity}, ${cause}, confidence ${confidence}${shareOfStep === null ? '' : `; ${percent(shareOfStep)} % of the step`}${ceiling === null ? '' : `; at most ${ceiling.toFixed(2)}× faster`}${remainingStepUs === null ? '' : `; ${ms(remainingStepUs)} ms would remain${diagnosis.traces.length > 1 ? stepText(finding) : ''}`}. Expected: ${inMarkdown(expected)}.`,
      '',
    );
    for (const row of evidence) lines.push(`- ${inMarkdown(evidenceText(row))}`);
    lines.push(
      '',
      ...fix.map((text) => `- [ ] ${inMarkdown(text)}`),
      '',
      `Disproof: ${inMarkdown(disproof)}.`,
      '',
      '```sh',
      nextCommand,
      '```',
      '',
    );
  }
  for (const reason of diagnosis.reasons) lines.push(`Unanswered: ${inMarkdown(reason)}`, '');
  for (const { path, code, message } of diagnosis.refused)
    lines.push(`Not read: ${inMarkdown(path)}: ${code}: ${inMarkdown(message)}`, '');
  return `${lines.join('\n').trimEnd()}\n`;
}

function inMarkdown(text: string): string {
  return text.replaceAll(/[\\`*_{}[\]<>|#]/g, (sign) => `\\${sign}`).replaceAll(/\r?\n/g, ' ');
}
