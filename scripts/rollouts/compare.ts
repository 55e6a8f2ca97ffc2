import { type Rule, rules } from './rules.ts';
import { minutes, type Scenario, scenarios } from './streams.ts';

/** One rule over the runs of one scenario. */
export interface Outcome {
  readonly rule: string;
  /** Share of the runs that it rolled back. */
  readonly stopped: number;
  /** Median requests of the canary until then; null: it stopped fewer than half. */
  readonly canaryRequests: number | null;
}

export interface Compared {
  readonly scenario: Scenario;
  readonly outcomes: readonly Outcome[];
}

/** Runs every rule over the same streams: `runs` of each scenario, this many requests of each cohort a minute. */
export function compareRules(perMinute: number, runs: number, of: readonly Rule[] = rules): readonly Compared[] {
  return scenarios.map((scenario, s) => {
    const stops = of.map((): number[] => []);
    for (let run = 0; run < runs; run += 1) {
      const open = new Map(of.map((rule, i) => [i, rule.begin()]));
      let minute = 0;
      for (const seen of minutes(scenario, perMinute, 1_000_003 * (s + 1) + run)) {
        minute += 1;
        for (const [i, look] of open) {
          if (!look(seen)) continue;
          stops[i].push(minute * perMinute);
          open.delete(i);
        }
        if (open.size === 0) break;
      }
    }
    const outcomes = of.map(({ name }, i) => ({
      rule: name,
      stopped: stops[i].length / runs,
      canaryRequests: stops[i].length * 2 < runs ? null : medianOf(stops[i], runs),
    }));
    return { scenario, outcomes };
  });
}

/** The median over all runs, of which those that were not stopped come last. */
function medianOf(stops: readonly number[], runs: number): number {
  const sorted = stops.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(runs / 2))];
}

/** A row of a table for each scenario. */
export function comparisonTable(compared: readonly Compared[]): string {
  const names = compared[0].outcomes.map(({ rule }) => rule);
  const rows = compared.map(({ scenario, outcomes }) => {
    const cells = outcomes.map(({ stopped, canaryRequests }) => {
      const share = `${Number((100 * stopped).toFixed(1))} %`;
      return canaryRequests === null || !scenario.isBad ? share : `${share}, ${canaryRequests}`;
    });
    return `| ${scenario.isBad ? '' : '*'}${scenario.name}${scenario.isBad ? '' : '*'} | ${cells.join(' | ')} |`;
  });
  return [`| version | ${names.join(' | ')} |`, `|---|${names.map(() => '---').join('|')}|`, ...rows].join('\n');
}
