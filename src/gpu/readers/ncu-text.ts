import { printedNumber, wholeLines } from './csv.ts';
import { addMetric, type NcuDraft, type NcuKernel, ncuDraft, usesDecimalComma } from './ncu.ts';

/** A kernel: `name(arguments) (152, 4, 1)x(128, 1, 1), Context 1, Stream 7, Device 0, CC 8.0`. */
const kernelLine =
  /^\s*(\S.*?) \((\d+), (\d+), (\d+)\)x\((\d+), (\d+), (\d+)\), Context \d+, Stream \d+(?:, Device (\d+))?(?:, CC (\d+\.\d+))?/;

/**
 * The output of Nsight Compute without `--csv`. The columns of a table are where its line of dashes says: units may be blank.
 *
 *   kernel  = line { section };  section = "Section:" title, dashes, "Metric Name  Metric Unit  Metric Value", dashes, { row }, dashes, { rule }
 *   rule    = ("OPT" | "INF" | "WRN") text { further lines }
 */
export function parseNcuText(text: string): readonly NcuKernel[] {
  const lines = wholeLines(text);
  const cells = lines.map((line) => /(\S+)\s*$/.exec(line)?.[1] ?? '');
  const comma = usesDecimalComma(cells);
  const kernels: NcuDraft[] = [];
  let section = '';
  let columns: readonly (readonly [number, number])[] = [];
  let inTable = false;
  for (const line of lines) {
    const kernel = kernelLine.exec(line);
    if (kernel !== null) {
      const [, name = '', ...numbers] = kernel;
      const of = (from: number) => numbers.slice(from, from + 3).join(', ');
      const fields: Readonly<Record<string, string>> = {
        'Kernel Name': name,
        'Grid Size': of(0),
        'Block Size': of(3),
        Device: numbers[6] ?? '',
        CC: numbers[7] ?? '',
      };
      kernels.push(ncuDraft(String(kernels.length), (field) => fields[field] ?? ''));
      section = '';
      continue;
    }
    const current = kernels[kernels.length - 1];
    if (current === undefined) continue;
    section = /^\s*Section: (.+?)\s*$/.exec(line)?.[1] ?? section;
    if (/^\s*-+ -+ -+\s*$/.test(line)) {
      columns = [...line.matchAll(/-+/g)].map(({ index, 0: dashes }) => [index, index + dashes.length] as const);
      continue;
    }
    const rule = /^\s*(OPT|INF|WRN|ERR)\s+(\S.*)$/.exec(line);
    if (rule !== null) {
      inTable = false;
      if (section === 'GPU Speed Of Light Throughput')
        current.rules.push({
          name: 'SOLBottleneck',
          type: rule[1] ?? '',
          text: rule[2] ?? '',
          speedUpType: /\((local|global)\)/i.exec(rule[2] ?? '')?.[1]?.toLowerCase() ?? '',
          speedUpPercent: printedNumber(/Est\. (?:Local )?Speedup: ([\d.,]+)%/.exec(rule[2] ?? '')?.[1], comma),
        });
      continue;
    }
    if (/Metric Name\s+Metric Unit\s+Metric Value/.test(line)) {
      inTable = true;
      continue;
    }
    if (line.trim() === '' || /^\s*Section:/.test(line)) inTable = false;
    const last = current.rules[current.rules.length - 1];
    // The text of a rule continues in the next lines.
    if (!inTable && last !== undefined && /^\s{8,}\S/.test(line))
      current.rules[current.rules.length - 1] = { ...last, text: `${last.text} ${line.trim()}` };
    if (inTable && columns.length === 3) {
      const [[from], [unitFrom], [valueFrom]] = columns;
      const cut = (start: number, end?: number) => line.slice(start, end).trim();
      addMetric(current, cut(from, unitFrom - 1), cut(unitFrom - 1, valueFrom - 1), cut(valueFrom - 1), comma);
    }
  }
  return kernels;
}
