/** One metric of the Prometheus text format: its comments, once, and its samples. */
interface Family {
  readonly comments: string[];
  readonly samples: string[];
}

const COMMENT = /^# (?:HELP|TYPE) (\S+)/;
const NAME = /^[A-Za-z_:][\w:]*$/;

/** Puts the Prometheus texts of several processes together, each sample with the name of its process as the label `worker`. */
export function mergeMetrics(texts: ReadonlyMap<string, string>): string {
  const families = new Map<string, Family>();
  for (const [worker, text] of texts) {
    let family: Family = { comments: [], samples: [] };
    for (const line of text.split('\n')) {
      const [, described] = COMMENT.exec(line) ?? [];
      if (described !== undefined) {
        family = families.get(described) ?? { comments: [], samples: [] };
        families.set(described, family);
        if (!family.comments.includes(line)) family.comments.push(line);
        continue;
      }
      const sample = parseSample(line);
      if (sample === null) continue;
      const { name, labels, value } = sample;
      const all = labels === '' ? '' : `,${labels}`;
      family.samples.push(`${name}{worker="${worker}"${all}} ${value}`);
    }
  }
  return [...families.values()].map(({ comments, samples }) => [...comments, ...samples, ''].join('\n')).join('\n');
}

/** `name{labels} value` or `name value`, split at the last blank: a label may have any. Histograms have samples of their name with an ending. */
function parseSample(line: string): { readonly name: string; readonly labels: string; readonly value: string } | null {
  const end = line.lastIndexOf(' ');
  const named = line.slice(0, end);
  const value = line.slice(end + 1);
  const brace = named.indexOf('{');
  const name = brace < 0 ? named : named.slice(0, brace);
  if (end < 0 || value === '' || !NAME.test(name) || (brace >= 0 && !named.endsWith('}'))) return null;
  return { name, labels: brace < 0 ? '' : named.slice(brace + 1, -1), value };
}
