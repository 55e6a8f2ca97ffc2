/** The side of an alternative: the first sample `less` or `greater` than the second, or either. */
export type Alternative = 'two-sided' | 'less' | 'greater';
