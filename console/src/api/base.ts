/** The address of the server: the folder of the page, so that a proxy may serve it below any path. Pure: a page that asks nothing leaves it out. */
export const base = /* @__PURE__ */ folderOfPage();

function folderOfPage(): string {
  return new URL('.', document.baseURI).href.replace(/\/$/, '');
}
