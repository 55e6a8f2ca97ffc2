import { fail } from '../../base/errors/fail.ts';
import { deadlineOf, inferHttp } from '../oip/infer-http.ts';
import type { ServedProject } from '../served-project.ts';
import type { BytesAnswer } from './hot-route.ts';
import { inferPath } from './infer-path.ts';
import { inferResponse } from './response.ts';

/** `POST /v2/models/{model}/infer`, also of one version, as the lean reader answers it. Hot path. */
export function hotInfer({ models }: ServedProject): BytesAnswer {
  return async ({ path, headerLength, timeout }, body, tenant, { signal }, trace) => {
    const named = inferPath(path);
    if (named === null) throw fail('SERVER_ROUTE', { method: 'POST', path });
    const deadline = deadlineOf(timeout);
    return inferResponse(await inferHttp(models, { ...named, headerLength, body, tenant, deadline, signal, trace }));
  };
}
