import { describe, expect, test } from 'vitest';
import { LiveFeed, type LiveTopic } from '../../src/server/live/live-feed.ts';
import { until } from '../until.ts';

/** A topic whose value the test sets. */
class Value {
  value: unknown = 0;
  reads = 0;

  topic(path: string): LiveTopic {
    const read = async () => {
      this.reads += 1;
      if (this.value instanceof Error) throw this.value;
      return JSON.stringify(this.value);
    };
    return { path, everyMs: 1, read };
  }
}

interface Subscriber {
  readonly events: string[];
  readonly leave: () => Promise<void>;
}

function subscribe(feed: LiveFeed, topics: readonly string[], lastId: string | null = null): Subscriber {
  const gone = new AbortController();
  const events: string[] = [];
  const read = async () => {
    for await (const bytes of feed.events({ topics, lastId, gone: gone.signal, check: () => undefined })) {
      const event = bytes.toString();
      if (event.startsWith('id: ')) events.push(event);
    }
  };
  const ended = read();
  return {
    events,
    leave: async () => {
      gone.abort();
      await ended;
    },
  };
}

const idOf = (event: string | undefined) => /^id: (.*)$/m.exec(event ?? '')?.[1] ?? '';
const dataOf = (event: string | undefined) => JSON.parse(/^data: (.*)$/m.exec(event ?? '')?.[1] ?? 'null') as unknown;

describe('a live feed', () => {
  test('reads topics that are due at once each in its own turn of the event loop', async () => {
    let turn = 0;
    const count = () => {
      turn += 1;
      counting = setImmediate(count);
    };
    let counting = setImmediate(count);
    const turns: number[] = [];
    const topicOf = (path: string): LiveTopic => ({
      path,
      everyMs: 3_600_000,
      read: async () => JSON.stringify(turns.push(turn)),
    });
    const paths = ['/a', '/b', '/c', '/d', '/e'];
    const feed = new LiveFeed(paths.map(topicOf), (text) => text);
    const one = subscribe(feed, paths);
    await until(() => turns.length === paths.length);
    expect(new Set(turns).size).toBe(paths.length);
    clearImmediate(counting);
    await one.leave();
    await feed.close();
  });

  test('reads a topic once for all subscribers, while there are some, and sends changes only', async () => {
    const value = new Value();
    const feed = new LiveFeed([value.topic('/a')], (text) => text);
    expect(value.reads).toBe(0);
    const all = Array.from({ length: 10 }, () => subscribe(feed, ['/a']));
    await until(() => all.every(({ events }) => events.length === 1));
    const before = value.reads;
    await until(() => value.reads >= before + 5);
    expect(all.map(({ events }) => events.length)).toEqual(all.map(() => 1));
    value.value = 1;
    await until(() => all.every(({ events }) => events.length === 2));
    expect(dataOf(all[0]?.events[1])).toMatchObject({ value: 1 });
    await Promise.all(all.map(({ leave }) => leave()));
    await feed.close();
    const after = value.reads;
    await new Promise((resolve) => setImmediate(resolve));
    expect(value.reads).toBe(after);
  });

  test('sends the later changes after an id that it gave, and everything after any other', async () => {
    const values = [new Value(), new Value()];
    const feed = new LiveFeed(
      values.map((value, i) => value.topic(`/${i}`)),
      (text) => text,
    );
    const paths = ['/0', '/1'];
    const first = subscribe(feed, paths);
    await until(() => first.events.length === 2);
    const seen = idOf(first.events.at(-1));
    const [changed] = values;
    if (changed !== undefined) changed.value = 'later';
    await until(() => first.events.length === 3);
    const resumed = subscribe(feed, paths, seen);
    await until(() => resumed.events.length === 1);
    expect(dataOf(resumed.events[0])).toMatchObject({ value: 'later' });
    for (const other of [null, '', 'x.1', 'nothing', `${seen}9x`]) {
      const again = subscribe(feed, paths, other);
      await until(() => again.events.length === 2);
      await again.leave();
    }
    await Promise.all([first.leave(), resumed.leave()]);
    await feed.close();
  });

  test('says a failed read as its error, keeps other topics, and hides a text in both', async () => {
    const [bad, good] = [new Value(), new Value()];
    bad.value = new Error('/secret/place');
    good.value = '/secret/place';
    const feed = new LiveFeed([bad.topic('/bad'), good.topic('/good')], (text) => text.replaceAll('/secret/', ''));
    const one = subscribe(feed, ['/bad', '/good']);
    await until(() => one.events.length === 2);
    const told = one.events.join('');
    expect(told).toContain('SERVER_FAULT');
    expect(told).toContain('"value":"place"');
    expect(told).not.toContain('secret');
    await one.leave();
    await feed.close();
  });

  test('ends every stream when it is closed or the subscriber may no longer read', async () => {
    const value = new Value();
    const feed = new LiveFeed([value.topic('/a')], (text) => text);
    const { signal } = new AbortController();
    let allowed = true;
    const check = () => {
      if (!allowed) throw new Error('revoked');
    };
    const drain = async () => {
      let count = 0;
      for await (const _ of feed.events({ topics: ['/a'], lastId: null, gone: signal, check })) count += 1;
      return count;
    };
    const refused = drain();
    await until(() => value.reads > 3);
    allowed = false;
    value.value = 'a change wakes it';
    expect(await refused).toBeGreaterThan(0);
    allowed = true;
    const open = drain();
    await until(() => value.reads > 6);
    await feed.close();
    expect(await open).toBeGreaterThan(0);
  });
});
