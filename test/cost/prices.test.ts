import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { isHeadraceError } from '../../src/base/errors/fail.ts';
import { diffPrices } from '../../src/cost/catalog/diff-prices.ts';
import { discountStatistics, flagOffers, withoutSpotMarket } from '../../src/cost/catalog/flag-offers.ts';
import { importPrices } from '../../src/cost/catalog/import-prices.ts';
import { type Offer, usableSpotUsd } from '../../src/cost/catalog/offer.ts';
import { ageOf, newestPrices, readImport, storedPrices } from '../../src/cost/catalog/price-store.ts';
import { parsePrices, readPrices } from '../../src/cost/catalog/read-prices.ts';
import { refreshPrices } from '../../src/cost/catalog/refresh-prices.ts';
import { spotHistory } from '../../src/cost/catalog/spot-history.ts';
import { costPath, costRows, costText, hasCostData, whySkipped } from './shared-data.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-prices-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const aws = `InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,AvailabilityZone,Arch
p4d.24xlarge,A100,8.0,96.0,1152.0,"{'Gpus': [{'Name': 'A100', 'Manufacturer': 'NVIDIA', 'Count': 8, 'MemoryInfo': {'SizeInMiB': 40960}}], 'TotalGpuMemoryInMiB': 327680}",20,8,us-east-1,use1-az1,x86_64
m5.large,,,2.0,8.0,,0.096,0.04,us-east-1,use1-az1,x86_64
`;

/** All offers of the excerpts; rows that they leave out are written as their cloud writes them. */
function allOffers(): readonly Offer[] {
  const left = costRows('prices/expected_offers.csv').filter((row) => row['in_raw_excerpt'] === '0');
  const more = left.map((row) => {
    const info = `"{'Gpus': [{'Name': '${row['accelerator']}', 'Manufacturer': 'NVIDIA', 'Count': ${row['count']}, 'MemoryInfo': {'SizeInMiB': ${row['gpu_mem_mib_each']}}}], 'TotalGpuMemoryInMiB': 0}"`;
    const { instance_type, accelerator, count, region, zone, price_ondemand_usd_h, price_spot_usd_h } = row;
    return [
      instance_type,
      accelerator,
      count,
      '96.0',
      '1152.0',
      info,
      price_ondemand_usd_h,
      price_spot_usd_h,
      region,
      zone,
      'x86_64',
    ].join(',');
  });
  const text = (cloud: string) => costText(`prices/raw/${cloud}_vms_v8_excerpt.csv`);
  const drafts = ['aws', 'gcp', 'nebius', 'runpod'].flatMap((cloud) => {
    const whole = cloud === 'aws' ? `${text(cloud).trimEnd()}\n${more.join('\n')}\n` : text(cloud);
    return parsePrices(`catalogs/v8/${cloud}/vms.csv`, whole).offers;
  });
  return flagOffers(drafts);
}

describe.skipIf(!hasCostData)(`recorded catalogues${whySkipped}`, () => {
  test('256 offers of four clouds: prices, memory, discounts and flags', () => {
    const key = (parts: readonly (string | number | null | undefined)[]) => parts.map((part) => part ?? '').join('/');
    const offers = allOffers();
    const found = new Map(
      offers.map((one) => [
        key([one.provider, one.instanceType, one.accelerator, one.count, one.region, one.zone]),
        one,
      ]),
    );
    const expected = costRows('prices/expected_offers.csv');
    expect([offers.length, found.size, expected.length]).toEqual([256, 256, 256]);
    const near = (value: number | null | undefined, text: string | undefined, places: number, where: string) => {
      if (text === undefined || text === '') expect(value ?? null, where).toBeNull();
      else expect(Math.abs((value ?? Number.NaN) - Number(text)), where).toBeLessThanOrEqual(0.51 * 10 ** -places);
    };
    for (const row of expected) {
      const where = key(
        ['cloud', 'instance_type', 'accelerator', 'count', 'region', 'zone'].map((column) => row[column]),
      );
      const offer = found.get(where);
      expect(offer, where).toBeDefined();
      near(offer?.gpuMemoryMibEach, row['gpu_mem_mib_each'], 0, where);
      near(offer?.onDemandUsd, row['price_ondemand_usd_h'], 5, where);
      near(offer?.spotUsd, row['price_spot_usd_h'], 4, where);
      near(offer?.spotDiscount, row['spot_discount'], 4, where);
      expect(offer?.flags.join(';'), where).toBe(row['flags']);
    }
  });

  test('discounts per instance type over its zones, floor prices left out', () => {
    const expected = JSON.parse(costText('prices/expected_discount_stats.json')) as Record<
      string,
      Record<string, number>
    >;
    const found = new Map(discountStatistics(allOffers()).map((one) => [one.instance, one]));
    for (const [instance, one] of Object.entries(expected)) {
      const statistics = found.get(instance);
      expect([statistics?.zones, statistics?.within60To90, statistics?.zero], instance).toEqual([
        one['zones'],
        one['in_60_90'],
        one['zero'],
      ]);
      for (const [name, value] of [
        ['min', statistics?.min],
        ['median', statistics?.median],
        ['max', statistics?.max],
      ] as const)
        expect(Math.abs((value ?? Number.NaN) - (one[name] ?? 0)), `${instance} ${name}`).toBeLessThan(6e-4);
    }
    expect(withoutSpotMarket(allOffers())).toEqual(['runpod']);
  });

  test('a folder of catalogues is read whole, with the provider of each file', async () => {
    const { offers, schema, files } = await readPrices(costPath('prices/raw'));
    expect([offers.length, schema, files.length]).toEqual([200, 'skypilot-v8', 4]);
    const host = offers.find((one) => one.instanceType === 'a2-highgpu-8g' && one.zone === 'us-central1-a');
    expect([host?.onDemandUsd, host?.spotUsd]).toEqual([29.38708, 14.4308]);
    const p4d = offers.find((one) => one.instanceType === 'p4d.24xlarge' && one.zone === 'use1-az1');
    expect((p4d?.onDemandUsd ?? 0) * 4 * 8).toBeCloseTo(702.6445, 3);
  });
});

test('a doubtful price of spot is not used by default', () => {
  const offers = flagOffers(parsePrices('aws/vms.csv', aws.replace(',20,8,', ',20,20,')).offers);
  expect(offers.map(({ flags }) => flags)).toEqual([['SPOT_GE_ONDEMAND']]);
  expect(offers.map(usableSpotUsd)).toEqual([null]);
  expect(flagOffers(parsePrices('aws/vms.csv', aws).offers).map(usableSpotUsd)).toEqual([8]);
});

test('an import is kept by digest with its source and time, and a damaged one is rejected', async () => {
  const path = join(folder, 'aws_vms.csv');
  const store = join(folder, 'store');
  writeFileSync(path, aws);
  await expect(newestPrices(store)).rejects.toMatchObject({ code: 'COST_PRICES_NONE' });
  const first = await importPrices({ path, store, nowMs: 1_800_000_000_000, asOfMs: 1_799_000_000_000 });
  writeFileSync(path, aws.replace(',20,8,', ',20,5,'));
  const second = await importPrices({ path, store, nowMs: 1_800_000_100_000, asOfMs: 1_800_000_000_000 });
  expect(second.prices.digest).not.toBe(first.prices.digest);
  expect(await storedPrices(store)).toEqual([first.prices, second.prices]);
  expect((await newestPrices(store)).digest).toBe(second.prices.digest);
  const { changed, unchanged } = diffPrices(first.prices.offers, second.prices.offers);
  expect([changed, unchanged]).toEqual([
    [{ offer: 'aws/us-east-1/use1-az1/p4d.24xlarge', what: 'spot', before: 8, after: 5, change: -0.375 }],
    0,
  ]);
  expect(spotHistory(await storedPrices(store))).toEqual([
    { offer: 'aws/us-east-1/use1-az1/p4d.24xlarge', imports: 2, min: 0.6, median: 0.675, max: 0.75 },
  ]);
  expect(readdirSync(store).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  writeFileSync(first.path, JSON.stringify({ ...first.prices, offers: second.prices.offers }));
  await expect(readImport(first.path)).rejects.toMatchObject({ code: 'COST_PRICES_STORE' });
  await expect(storedPrices(store)).rejects.toMatchObject({ code: 'COST_PRICES_STORE' });
});

test('an import of the first format opens, and its digest is that of its offers', async () => {
  const { offers, schema } = await readImport('test/fixtures/prices-1.json');
  expect([schema, offers.length]).toEqual(['own-1', 2]);
});

test('prices are old above 7 days, and too old above 90', () => {
  const now = 1_800_000_000_000;
  const state = (days: number) => ageOf({ asOfMs: now - days * 86_400_000 }, now).state;
  expect([state(6.9), state(7.1), state(90), state(90.1)]).toEqual(['fine', 'old', 'old', 'too old']);
});

test('a refresh imports the output of its command, and a failed command is a coded error', async () => {
  const from = join(folder, 'fresh_vms.csv');
  const write = `require('node:fs').writeFileSync(${JSON.stringify(from)}, ${JSON.stringify(aws)})`;
  const store = join(folder, 'refreshed');
  const { prices } = await refreshPrices({ command: [process.execPath, '-e', write], from, store, nowMs: 5e12 });
  expect([prices.offers.length, prices.asOfMs]).toEqual([1, 5e12]);
  for (const command of [[process.execPath, '-e', 'process.exit(3)'], [join(folder, 'absent')]])
    await expect(refreshPrices({ command, from, store, nowMs: 5e12 })).rejects.toMatchObject({ code: 'COST_REFRESH' });
});

test('our own prices: contracts, other currencies, owned machines with energy', () => {
  const own = {
    version: 1,
    offers: [
      {
        provider: 'contract',
        instanceType: 'hgx',
        accelerator: 'H100',
        count: 8,
        region: 'fra',
        onDemandPerHour: 20,
        spotPerHour: 9,
        currency: 'EUR',
        usdPerUnit: 1.1,
        quotaGpus: 64,
      },
      {
        provider: 'ours',
        instanceType: 'rack',
        accelerator: 'A100',
        count: 4,
        region: 'hall',
        amortisedPerGpuHour: 0.8,
        wattsPerGpu: 500,
        pricePerKwh: 0.2,
      },
    ],
  };
  const [contract, ours] = parsePrices('offers.json', JSON.stringify(own)).offers;
  expect([contract?.onDemandUsd, contract?.quotaGpus]).toEqual([expect.closeTo(22, 9), 64]);
  expect(ours?.onDemandUsd).toBeCloseTo(4 * 0.8 + (4 * 500 * 0.2) / 1000, 9);
  const csv = 'provider,instanceType,accelerator,count,region,onDemandPerHour\nx,y,A100,8,z,12.5\n';
  expect(parsePrices('offers.csv', csv).offers.map(({ onDemandUsd }) => onDemandUsd)).toEqual([12.5]);
});

test.each([
  ['offers.json', '{"version": 2, "offers": []}'],
  ['offers.json', '{"version": 1, "offers": [{"provider": "x"}]}'],
  ['offers.csv', 'provider,instanceType,accelerator,count,region,onDemandPerHour\nx,y,A100,8,z,-1\n'],
  ['offers.csv', 'provider,instanceType,accelerator,count,region,currency,onDemandPerHour\nx,y,A100,8,z,EUR,1\n'],
  ['aws/vms.csv', aws.replace(',20,8,', ',-20,8,')],
  ['aws/vms.csv', aws.replace(',20,8,', ',NaN,8,')],
  ['aws/vms.csv', aws.replace('Price,', 'Cost,')],
  ['aws/vms.csv', aws.replace(',x86_64\nm5', '\nm5')],
  ['9/vms.csv', aws],
])('wrong prices are rejected with their place: %s', (path, text) => {
  expect(() => parsePrices(path, text)).toThrow(expect.objectContaining({ code: 'COST_PRICES' }));
});

test('damaged prices give offers without negative or infinite prices, or a coded error', () => {
  const change = fc.record({
    at: fc.nat(700),
    remove: fc.nat(20),
    insert: fc.oneof(fc.string({ maxLength: 10 }), fc.constantFrom('-', '1e999', '"', ',', '\n', 'NaN')),
  });
  fc.assert(
    fc.property(change, ({ at, remove, insert }) => {
      const text = aws.slice(0, at) + insert + aws.slice(at + remove);
      try {
        for (const { onDemandUsd, spotUsd } of flagOffers(parsePrices('aws/vms.csv', text).offers))
          for (const price of [onDemandUsd, spotUsd])
            expect(price === null || (price > 0 && Number.isFinite(price))).toBe(true);
      } catch (error) {
        if (!isHeadraceError(error, 'COST_PRICES')) throw error;
      }
    }),
    { numRuns: Number(process.env['HEADRACE_FUZZ_RUNS'] ?? 400) },
  );
});
