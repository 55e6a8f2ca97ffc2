/** The address of the server: the folder of the page, so that a proxy may serve it below any path. */
export const base = new URL('.', document.baseURI).href.replace(/\/$/, '');
