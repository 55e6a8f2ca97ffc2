import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';

// The naive way, as it is often written: asks a server for the next rows, appends its answers to a file, and saves its place
// after every few calls. It prints a line for each call. Place and output are two files: it may die between them.
const [questions, output, place, url] = process.argv.slice(2);
const ROWS = 50;
const SAVE_EVERY = 4;

const lines = readFileSync(questions, 'utf8').trimEnd().split('\n');
const start = existsSync(place) ? Number(readFileSync(place, 'utf8')) : 0;
for (let from = start, call = 1; from < lines.length; from += ROWS, call += 1) {
  const requests = lines.slice(from, from + ROWS).map((line) => JSON.parse(line));
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ requests }),
  });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}: ${await answer.text()}`);
  const { predictions } = (await answer.json()) as { readonly predictions: readonly Record<string, unknown>[] };
  const rows = predictions.map(({ id, version, score }) => JSON.stringify({ id, version, score }));
  appendFileSync(output, `${rows.join('\n')}\n`);
  console.log(from + rows.length);
  if (call % SAVE_EVERY === 0 || from + ROWS >= lines.length) writeFileSync(place, String(from + rows.length));
}
