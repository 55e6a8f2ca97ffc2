import { devicePeaks, knownDevices } from '../../gpu/analysis/operators/device-peaks.ts';
import { scopes } from '../../gpu/scopes/scope.ts';
import { flag, option } from '../options/option.ts';
import { choice, file, type Kind, name, whole } from '../options/option-kinds.ts';

const device: Kind<string> = {
  ...name(`a GPU whose peaks are known: ${knownDevices.join(', ')}`),
  parse: (text) => (devicePeaks(text) === undefined ? undefined : text),
};

export const diagnoseOptions = {
  markdown: flag('print Markdown'),
  html: option(file, 'also write one self-contained HTML file to this path'),
  all: flag('every line of evidence, and the levels of the investigation'),
  device: option(device, `the GPU of traces that do not name theirs: ${knownDevices.join(', ')}`),
  scope: option(choice(scopes), 'numbers of the traces as another tool defines them'),
};

export const watchOptions = {
  dcgm: option(name('the URL of an exporter'), 'scrape this exporter of DCGM instead of running nvidia-smi dmon'),
  window: option(whole(1), 'samples that are kept', 600),
  every: option(whole(1), 'samples between lines, or seconds between scrapes', 10),
  count: option(whole(1), 'scrapes before it ends (none)'),
};
