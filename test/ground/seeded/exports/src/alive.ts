export const alive = 'imported by the entry file';

export const dead = 'imported by nothing';

export const tested = 'imported by a test alone';

export interface Dead {
  readonly kind: 'dead';
}
