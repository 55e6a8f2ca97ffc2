import { DatabaseSync } from 'node:sqlite';
import { alertStore } from '../sql-stores.ts';

/** One incident of this number is open. */
export const ONE_OPEN_IN = 499;

const MODELS = 1_000;
/** Incidents of the model `small` have this remainder of the number of models. */
const SMALL = 7;

/** Makes a file of incidents of many models with a message each; one message in 10,000 was given up. */
export async function writeIncidents(path: string, count: number): Promise<void> {
  await alertStore(path).close();
  const database = new DatabaseSync(path);
  database.exec(`BEGIN;
    WITH RECURSIVE numbers (no) AS (SELECT 1 UNION ALL SELECT no + 1 FROM numbers WHERE no < ${count}),
    named AS (SELECT no, CASE no % ${MODELS} WHEN ${SMALL} THEN 'small' ELSE 'model_' || (no % ${MODELS}) END AS model, no % ${ONE_OPEN_IN} = 0 AS is_open,
      CASE no % 3 WHEN 0 THEN 'dataDrift' WHEN 1 THEN 'conceptDrift' ELSE 'retrain' END AS kind FROM numbers)
    INSERT INTO incidents (no, fingerprint, over, model, kind, body)
    SELECT no, model || '/' || kind || '/' || no, CASE WHEN is_open THEN 0 ELSE no END, model, kind, json_object(
      'fingerprint', model || '/' || kind || '/' || no, 'kind', kind, 'severity', 'ticket', 'tier', NULL, 'model', model,
      'slice', NULL, 'owner', NULL, 'summary', 'incident ' || no || ' of ' || model, 'evidence', json('{}'), 'at', no,
      'revision', 1, 'state', CASE WHEN is_open THEN 'open' ELSE 'resolved' END, 'openedAt', no, 'acknowledgedBy', NULL,
      'resolution', CASE WHEN is_open THEN NULL ELSE json_object('at', no, 'reason', 'gone') END,
      'severities', json('["ticket"]')) FROM named;
    INSERT INTO deliveries (incident, sink, digest, wanted, accepted, tried, state, due, taken, attempts)
    SELECT no, 'hook', 0, 1, 1, 1, CASE WHEN no % 10000 = 1 THEN 'dead' ELSE 'settled' END, 1, 0, 1 FROM incidents;
    COMMIT`);
  database.close();
}
