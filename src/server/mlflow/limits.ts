import { posix } from 'node:path';
import type { KeyText } from '../../ports/tracking-store.ts';
import { invalid } from './fault.ts';
import type { Message } from './message.ts';
import { wrong } from './message.ts';

/** The longest texts, characters: those of MLflow 3. It cuts longer values of params, and of tags of runs and experiments. */
export const LONGEST = {
  key: 250,
  param: 6_000,
  runTag: 8_000,
  experimentTag: 5_000,
  experimentName: 500,
  location: 2_048,
  registryTag: 100_000,
  modelName: 256,
  alias: 255,
} as const;

/** Characters of words in any script, as in Python's regular expressions. */
const NAME = /^[\p{L}\p{M}\p{N}_/.\- :]*$/u;
const ALIAS = /^[\p{L}\p{M}\p{N}_-]*$/u;

/** Keys of params, metrics and tags: they could be paths of files. */
export function checkKey(name: string, key: string): string {
  if (key === '')
    throw invalid(
      `Missing value for required parameter '${name}'. See the API docs for more information about request parameters.`,
    );
  if (!NAME.test(key))
    throw invalid(
      `Invalid value ${shown(key)} for parameter '${name}' supplied: Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).`,
    );
  if (key.split('/').some((part) => part === '..' || part === '.') || key.startsWith('/') || key.includes('//'))
    throw invalid(
      `Invalid value ${shown(key)} for parameter '${name}' supplied: Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to ${quoted(posix.normalize(key))}`,
    );
  return atMost(name, key, LONGEST.key);
}

/** A text as Python shows it in messages. */
function quoted(text: string): string {
  return `'${text.slice(0, 200)}'`;
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}

/** A text of at most `most` characters. */
export function atMost(name: string, text: string, most: number): string {
  if (text.length <= most) return text;
  throw invalid(`'${name}' exceeds the maximum length of ${most} characters`);
}

/** A value, cut to the characters that are kept. */
function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  let [end, characters] = [0, 0];
  for (const character of text) {
    if (characters === most) break;
    end += character.length;
    characters += 1;
  }
  return text.slice(0, end);
}

/** Tags of a request; of several with one key the last counts. */
export function tagsOf(message: Message, longest: number): readonly KeyText[] {
  return message.messages('tags').map((tag) => tagOf(tag, longest));
}

export function tagOf(message: Message, longest: number): KeyText {
  return { key: checkKey('key', message.text('key')), value: cut(message.text('value'), longest) };
}

export function paramOf(message: Message): KeyText {
  return { key: checkKey('key', message.text('key')), value: cut(message.text('value'), LONGEST.param) };
}

/** Params of a request, each key once. */
export function paramsOf(message: Message): readonly KeyText[] {
  const params = message.messages('params').map(paramOf);
  const seen = new Set<string>();
  const twins = params.filter(({ key }) => seen.size === seen.add(key).size).map(({ key }) => key);
  if (twins.length > 0)
    throw invalid(
      `Duplicate parameter keys have been submitted: [${twins.map(quoted).join(', ')}]. Please ensure the request contains only one param value per param key.`,
    );
  return params;
}

/** A name that is more than spaces. */
export function requiredName(message: Message, field: string): string {
  const name = message.required(field);
  if (name.trim() === '') throw wrong(field, name, 'it is blank');
  return name;
}

/** The name of a registered model: a part of paths and of `models:/name@alias`. */
export function modelName(message: Message, field = 'name'): string {
  const name = requiredName(message, field);
  if (/[/:]/.test(name) || name === '.' || name === '..')
    throw invalid(`Invalid model name ${quoted(name)}. Names cannot contain '/' or ':'.`);
  return atMost(field, name, LONGEST.modelName);
}

/** An alias that may be set. */
export function aliasOf(message: Message): string {
  const alias = atMost('alias', message.required('alias'), LONGEST.alias);
  if (!ALIAS.test(alias))
    throw invalid(
      `Invalid alias name: '${alias}'. Names may only contain alphanumerics, underscores (_) and dashes (-).`,
    );
  if (alias.toLowerCase() === 'latest') throw invalid("'latest' alias name (case insensitive) is reserved.");
  if (/^[vV]\d+$/.test(alias)) throw invalid(`Version alias name '${alias}' is reserved.`);
  return alias;
}

/** The number of a version. */
export function versionOf(message: Message): number {
  const text = message.required('version');
  if (!/^\d{1,15}$/.test(text)) throw invalid(`Parameter 'version' must be an integer, got '${text}'.`);
  return Number(text);
}
