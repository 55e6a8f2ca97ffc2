import { randomUUID } from 'node:crypto';
import type { ShareGroup } from '../../ports/tile-shares.ts';
import { checkServers } from './check-server.ts';
import { listOf, RedisLink } from './redis-link.ts';
import type { RedisOptions } from './redis-options.ts';
import { script } from './scripts.ts';
import { type Place, storeKeys } from './store-keys.ts';

/** A process that does not renew its lease for this long has no share any longer, ms. */
const LEASE_MS = 3_000;

/** A lease is renewed, and shares are looked for, this often, ms. */
const RENEW_EVERY_MS = 500;

/** A process that does not ask for its shares for this long is stuck: its lease is not renewed any longer, ms. */
const STUCK_AFTER_MS = 60_000;

/**
 * Renews a lease and settles who has which shares: KEYS[1] the leases; ARGV: who, ms (0: it leaves), how many shares. Shares of processes
 * whose lease is over are free. Each process has its part, rounded up for the first of them: it lets go of those beyond that, and
 * takes free ones up to it. Answers its shares.
 *
 * ```
 * leases = hash: "m" who → when its lease ends, epoch ms of the server; "s" share → who
 * ```
 */
const settleShares = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local who, ms, shares = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if ms > 0 then redis.call('HSET', KEYS[1], 'm' .. who, now + ms) else redis.call('HDEL', KEYS[1], 'm' .. who) end
local held, alive, members, mine = {}, {}, {}, {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local kind, name = string.sub(all[i], 1, 1), string.sub(all[i], 2)
  if kind == 's' then held[tonumber(name)] = all[i + 1]
  elseif tonumber(all[i + 1]) > now then alive[name], members[#members + 1] = true, name
  else redis.call('HDEL', KEYS[1], all[i]) end
end
table.sort(members)
local quota = 0
for rank, name in ipairs(members) do
  if name == who then
    quota = math.floor(shares / #members)
    if rank <= shares % #members then quota = quota + 1 end
  end
end
for share = 0, shares - 1 do
  if held[share] == who then
    if #mine < quota then mine[#mine + 1] = share
    else
      held[share] = nil
      redis.call('HDEL', KEYS[1], 's' .. share)
    end
  end
end
if ms == 0 then return {} end
for share = 0, shares - 1 do
  if #mine < quota and not (held[share] and alive[held[share]]) then
    mine[#mine + 1] = share
    redis.call('HSET', KEYS[1], 's' .. share, who)
  end
end
redis.call('PEXPIRE', KEYS[1], 2 * ms)
return mine
`);

/** Renews a lease that has not ended: KEYS[1] the leases; ARGV: who, ms. Shares stay as they are. */
const keepLease = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ends = redis.call('HGET', KEYS[1], 'm' .. ARGV[1])
if not ends or tonumber(ends) <= now then return 0 end
redis.call('HSET', KEYS[1], 'm' .. ARGV[1], now + ARGV[2])
redis.call('PEXPIRE', KEYS[1], 2 * ARGV[2])
return 1
`);

/** Joins the processes that divide shares among themselves, in the server that has their store. Errors: REDIS_*. */
export async function joinShares(options: RedisOptions, shares: number): Promise<ShareGroup> {
  const link = await RedisLink.open(options);
  try {
    await checkServers(link);
    return new LeasedShares(link, storeKeys(options.prefix).leases, shares);
  } catch (error) {
    link.close();
    throw error;
  }
}

/**
 * Shares by a lease. A process that cannot renew it has none from the moment that another may take them. Between two questions for its
 * shares a timer renews the lease: a long batch, or ids that are read again after a takeover, do not lose it.
 */
class LeasedShares implements ShareGroup {
  readonly #link: RedisLink;
  readonly #place: Place;
  readonly #count: number;
  readonly #who = randomUUID();
  readonly #timer: NodeJS.Timeout;
  #shares: readonly number[] = [];
  #askedAt = Number.NEGATIVE_INFINITY;
  #settledAt = Number.NEGATIVE_INFINITY;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #renewing: Promise<void> | null = null;

  constructor(link: RedisLink, place: Place, count: number) {
    this.#link = link;
    this.#place = place;
    this.#count = count;
    this.#timer = setInterval(() => this.#renew(), RENEW_EVERY_MS).unref();
  }

  async shares(): Promise<readonly number[]> {
    const now = performance.now();
    this.#askedAt = now;
    if (now - this.#settledAt < RENEW_EVERY_MS) return this.#shares;
    try {
      this.#shares = await this.#settle(LEASE_MS);
      this.#settledAt = now;
      this.#renewedAt = now;
    } catch (error) {
      if (performance.now() - this.#renewedAt >= LEASE_MS) this.#shares = [];
      throw error;
    }
    return this.#shares;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    try {
      await this.#renewing;
      await this.#settle(0);
    } finally {
      this.#link.close();
    }
  }

  #renew(): void {
    const now = performance.now();
    const isStuck = now - this.#askedAt >= STUCK_AFTER_MS;
    if (this.#renewing !== null || isStuck || now - this.#renewedAt < RENEW_EVERY_MS) return;
    this.#renewing = this.#keep(now).finally(() => {
      this.#renewing = null;
    });
  }

  /** A failure is met by the next question for shares. */
  async #keep(now: number): Promise<void> {
    const call = this.#link.eval(keepLease, [this.#place], [this.#who, String(LEASE_MS)]);
    const kept = await this.#link.within(call).catch(() => 0);
    if (Number(kept) === 1) this.#renewedAt = Math.max(now, this.#renewedAt);
  }

  async #settle(ms: number): Promise<readonly number[]> {
    const args = [this.#who, String(ms), String(this.#count)];
    return listOf(await this.#link.within(this.#link.eval(settleShares, [this.#place], args))).map(Number);
  }
}
