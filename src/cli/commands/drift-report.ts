import { command } from '../command.ts';
import { option } from '../option.ts';
import { file } from '../option-kinds.ts';
import { spanOptions, withWatched } from '../with-watched.ts';

export const driftReport = command({
  name: ['drift', 'report'],
  summary: 'reports one window of a champion: features, series, labels, slices, causes and decisions',
  words: '<model>',
  arity: [1, 1],
  options: { ...spanOptions, html: option(file, 'also write one HTML file to this path') },
  async run(call) {
    const { windowReport } = await import('../../monitoring/report/window-report.ts');
    const { windowJson } = await import('../../monitoring/report/window-json.ts');
    const { windowLines } = await import('../../monitoring/report/window-text.ts');
    const { writeText } = await import('../write-comparison.ts');
    await withWatched(call, async (opened) => {
      const report = await windowReport(opened);
      const path = call.options.html;
      if (path !== undefined) {
        const { windowHtml } = await import('../../monitoring/report/window-html.ts');
        writeText(path, windowHtml(report));
      }
      if (call.json) call.terminal.out(windowJson(report));
      else for (const line of windowLines(report)) call.terminal.out(line);
    });
  },
});
