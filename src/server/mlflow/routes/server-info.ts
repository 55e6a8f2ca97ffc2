import { accesses } from '../accesses.ts';
import { type JsonRoute, route } from '../mlflow-route.ts';

/** Questions that clients ask about the server before they work. */
export const serverInfoRoutes: readonly JsonRoute[] = [
  route('GET', '/mlflow/server-info', accesses.open, async () => ({
    store_type: 'SqlStore',
    workspaces_enabled: false,
    trace_archival_enabled: false,
    multipart_uploads_enabled: true,
    multipart_downloads_enabled: false,
  })),
  route('GET', '/mlflow/server-features', accesses.open, async () => ({ workspaces_enabled: false })),
];
