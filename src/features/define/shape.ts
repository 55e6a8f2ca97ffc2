import type { Tags } from './tag.ts';

/**
 * The narrow waist: all that is known of a declaration downstream are its name, the tags of its inputs and those of its
 * features. Both are data, so that types and values cannot differ.
 */
export interface Shape<I extends Tags, F extends Tags> {
  readonly inputs: I;
  readonly outputs: F;
}
