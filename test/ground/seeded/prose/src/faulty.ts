/** What is told to the reader. */
export const value = 1; // read anew
