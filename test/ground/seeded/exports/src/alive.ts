export const alive = 'imported by the entry file';

export const dead = 'imported by nothing';

export interface Dead {
  readonly kind: 'dead';
}
