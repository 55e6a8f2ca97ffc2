import { setTimeout as wait } from 'node:timers/promises';
import { describedError, fail } from '../../base/errors/fail.ts';
import type { LabReport, StepReport } from '../../labs/lab-report.ts';
import type { Call } from '../command.ts';
import { type ServerLink, serverOf } from '../link/server-link.ts';

/** Time between two looks at a step that acts, ms. */
const LOOK_EVERY_MS = 200;

/** Solves labs over the routes that a person's console uses: acts on each step, and tries its choices until one is supported. */
export async function solveLabs({ words, options, json, terminal }: Call, address: string): Promise<void> {
  const server = await serverOf({ options: { ...options, server: address } });
  if (server === null) throw fail('SERVER_ASK', { server: address, reason: 'it does not answer' });
  const { labs } = JSON.parse(await server.ask('GET', '/v1/labs')) as {
    readonly labs: readonly { readonly id: string }[];
  };
  const solved: LabReport[] = [];
  for (const id of words.length > 0 ? words : labs.map((lab) => lab.id)) {
    const lab = await solveLab(server, id, (line) => terminal.err(`headrace: ${line}`));
    solved.push(lab);
    if (!json) terminal.out(labText(lab));
  }
  if (json) terminal.out(JSON.stringify({ labs: solved }));
}

async function solveLab(server: ServerLink, id: string, say: (line: string) => void): Promise<LabReport> {
  const path = `/v1/labs/${encodeURIComponent(id)}`;
  const read = async () => JSON.parse(await server.ask('GET', path)) as LabReport;
  const change = async (body: object) => JSON.parse(await server.ask('POST', path, body)) as LabReport;
  let lab = await read();
  for (const { id: step } of lab.steps) {
    const of = ({ steps }: LabReport): StepReport => steps.find((one) => one.id === step) ?? steps[0];
    if (of(lab).state === 'passed') continue;
    if (of(lab).state === 'ready') lab = await change({ action: 'act', step });
    for (let seen = 0; of(lab).state === 'acting'; lab = await read()) {
      for (const line of of(lab).lines.slice(seen)) say(`${id}: ${line}`);
      seen = Math.max(seen, of(lab).lines.length);
      await wait(LOOK_EVERY_MS);
    }
    const { fault, choices } = of(lab);
    if (fault !== null) throw describedError(fault.code, fault.message) ?? new Error(fault.message);
    for (const { id: choice } of choices)
      if (of(lab).state === 'measured') lab = await change({ action: 'decide', step, choice });
  }
  return lab;
}

/** The decisions of a lab, and its answer. */
function labText({ title, steps, answer }: LabReport): string {
  const lines = [title, ''];
  for (const step of steps) {
    lines.push(`${step.title}`, ...step.figures.map(({ what, text }) => `  ${what}: ${text}`));
    for (const { text, loss, verdict } of step.choices)
      lines.push(`  ${verdict === 'supported' ? '✓' : ' '} ${text} – ${step.loss.what}: ${loss?.text ?? 'not tried'}`);
    lines.push('');
  }
  for (const section of answer ?? []) lines.push(section.title, ...section.lines.map((line) => `  ${line}`), '');
  return lines.join('\n');
}
