/** The program of the command line, for those that start this Headrace again in a process. */
export const mainProgram = new URL(`./main${import.meta.url.slice(-3)}`, import.meta.url);
