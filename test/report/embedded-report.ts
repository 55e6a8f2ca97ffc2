/** The kind and the JSON text of the report in a page. */
export function embeddedReport(page: string): { readonly kind: string; readonly json: string } {
  const found = /<script type="application\/json" id="report" data-kind="(\w+)">([^<]*)<\/script>/.exec(page);
  if (found === null) throw new Error('the page has no report');
  const [, kind = '', json = ''] = found;
  return { kind, json };
}
