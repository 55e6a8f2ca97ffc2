/** Windows and rules of other tools, under which their numbers can be compared with ours. */
export const scopes = ['tb_plugin', 'hta', 'tracelens', 'nsys-ai'] as const;
export type Scope = (typeof scopes)[number];

/** One number under the scope of a tool. */
export interface ScopedNumber {
  readonly name: string;
  readonly value: number | null;
  readonly unit: 'µs' | '%' | 'share' | 'GB/s' | 'events' | '';
}
