/** Tags of a version that say how it scores, where its files do not. */
export const SCORING_TAGS = { features: 'headrace.features', output: 'headrace.output' } as const;

/** Whether a tag changes what a version answers. */
export function isScoringTag(key: string): boolean {
  return key === SCORING_TAGS.features || key === SCORING_TAGS.output;
}
