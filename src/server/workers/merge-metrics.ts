/** One metric of the Prometheus text format: its comments, once, and its samples. */
interface Family {
  readonly comments: string[];
  readonly samples: string[];
}

const COMMENT = /^# (?:HELP|TYPE) (\S+)/;
/** `name{labels} value`, `name value`; histograms have samples of their name with an ending. */
const SAMPLE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;

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
      const [, name, labels, value] = SAMPLE.exec(line) ?? [];
      if (name === undefined) continue;
      const all = labels === undefined || labels === '' ? '' : `,${labels}`;
      family.samples.push(`${name}{worker="${worker}"${all}} ${value}`);
    }
  }
  return [...families.values()].map(({ comments, samples }) => [...comments, ...samples, ''].join('\n')).join('\n');
}
