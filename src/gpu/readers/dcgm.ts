import { wholeLines } from './csv.ts';

/** The fields of one GPU, or of one MIG instance, from one scrape; `DCGM_FI_…` by name. */
export interface DcgmDevice {
  readonly gpu: string;
  readonly model: string | undefined;
  /** `1g.5gb` of a MIG instance; undefined of a whole GPU. An instance is never averaged with its GPU. */
  readonly migProfile: string | undefined;
  readonly pod: string | undefined;
  readonly fields: ReadonlyMap<string, number>;
}

/** Values from here on mean "blank" in DCGM. */
const BLANK = 9_223_372_036_854_770_000;

/**
 * Prometheus text of the DCGM exporter, any set of labels.
 *
 *   line = name "{" label "=" '"' text '"' { "," … } "}" value [ stamp ]  |  "#" comment
 */
export function parseDcgm(text: string): readonly DcgmDevice[] {
  const devices = new Map<
    string,
    {
      gpu: string;
      model: string | undefined;
      migProfile: string | undefined;
      pod: string | undefined;
      fields: Map<string, number>;
    }
  >();
  for (const line of wholeLines(text)) {
    const match = /^(DCGM_\w+)\{(.*)\}\s+(\S+)(?:\s+\d+)?\s*$/.exec(line);
    if (match === null) continue;
    const labels = labelsOf(match[2] ?? '');
    const value = Number(match[3]);
    if (!Number.isFinite(value) || value >= BLANK) continue;
    const gpu = labels.get('gpu') ?? labels.get('device') ?? '';
    const migProfile = labels.get('GPU_I_PROFILE') || undefined;
    const key = [labels.get('Hostname') ?? '', gpu, migProfile ?? '', labels.get('GPU_I_ID') ?? ''].join('/');
    const device = devices.get(key) ?? {
      gpu,
      model: labels.get('modelName'),
      migProfile,
      pod: labels.get('pod') || undefined,
      fields: new Map<string, number>(),
    };
    device.fields.set(match[1] ?? '', value);
    devices.set(key, device);
  }
  return [...devices.values()];
}

function labelsOf(text: string): ReadonlyMap<string, string> {
  return new Map([...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map((match) => [match[1] ?? '', match[2] ?? '']));
}
