import type { JudgeStores } from '../findings/judge.ts';
import type { Site } from './site.ts';

/** The stores of a site that a judgement reads. Errors: REGISTRY_*, CONFIG_SECRET. */
export async function judgeStores(site: Site): Promise<JudgeStores> {
  return { ...(await site.open('registry', 'artifacts')), withHistory: site.withHistory };
}
