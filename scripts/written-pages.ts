import { backEndsPage } from './back-ends-page.ts';
import { cliPage } from './cli-page.ts';
import { alertRules, dashboard } from './deploy-files.ts';
import { errorsPage } from './errors-page.ts';
import { licencesPage } from './licences-page.ts';
import { metricsPage } from './metrics-page.ts';
import { notebookPage } from './notebook-page.ts';
import { accessTables, routeTable, scopeTable, withTable, withTables } from './route-tables.ts';
import { runbookPages } from './runbook-pages.ts';
import { statisticsPage } from './statistics-page.ts';

/** The pages and deployment files that are written from code, by their path from the root. */
export function writtenPages(): Readonly<Record<string, string>> {
  return {
    'src/backends/README.md': backEndsPage(),
    'docs/reference/errors.md': errorsPage(),
    'docs/reference/cli.md': cliPage(),
    'docs/reference/metrics.md': metricsPage(),
    'docs/reference/statistics.md': statisticsPage(),
    'docs/reference/licences.md': licencesPage(),
    'docs/reference/http.md': withTable('docs/reference/http.md', 'routes', routeTable()),
    'docs/reference/auth.md': withTables('docs/reference/auth.md', { scopes: scopeTable(), routes: accessTables() }),
    'docs/guide/first-day-notebook.md': notebookPage(),
    ...runbookPages(),
    'deploy/prometheus/headrace.rules.yml': alertRules(),
    'deploy/grafana/headrace.json': dashboard(),
  };
}
