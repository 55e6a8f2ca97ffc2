/** The name under which the embedded engine's position stands in the online store. */
export const WRITER = 'materialiser';
