/** Reads the newest value. */
export const url = 'http://localhost/anew // told';
