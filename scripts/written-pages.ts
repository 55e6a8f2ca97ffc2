import { cliPage } from './cli-page.ts';
import { alertRules, dashboard } from './deploy-files.ts';
import { errorsPage } from './errors-page.ts';
import { metricsPage } from './metrics-page.ts';

/** The pages and deployment files that are written from code, by their path from the root. */
export function writtenPages(): Readonly<Record<string, string>> {
  return {
    'docs/reference/errors.md': errorsPage(),
    'docs/reference/cli.md': cliPage(),
    'docs/reference/metrics.md': metricsPage(),
    'deploy/prometheus/headrace.rules.yml': alertRules(),
    'deploy/grafana/headrace.json': dashboard(),
  };
}
