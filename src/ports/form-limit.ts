const MIB = 2 ** 20;

/** Largest form with files to judge, bytes: it goes to the disk as it comes. A page says so before it sends a larger one. */
export const FORM_LIMIT = 128 * MIB;
