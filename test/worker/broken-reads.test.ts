/** A thousand reads that are broken in random ways, quarter of an hour after quarter of an hour: nobody is taken away. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openFile } from '../../directory/file.ts';
import { isSyncError } from '../../model/errors.ts';
import type { DirectoryRecord } from '../../model/person.ts';
import { crowd } from '../support/people.ts';
import { startRedis } from '../support/redis.ts';
import { createRig, type Rig } from './rig.ts';

const READS = 1_000;
const EVERY_MS = 15 * 60_000;
/** A whole read comes between so often: well within the grace, as somebody who mends it would. */
const WHOLE_EVERY = 40;
const ALL = crowd(60);
const DAY = 86_400_000;

const any = (limit: number) => Math.floor(Math.random() * limit);
const oneOf = <Item>(items: readonly Item[]): Item => items[any(items.length)] as Item;

/** What a read gives, page by page, and whether it then breaks off. */
interface Given {
  readonly pages: readonly (readonly DirectoryRecord[])[];
  readonly cut: boolean;
}

const NONSENSE: readonly DirectoryRecord[string][] = [
  null,
  '',
  0,
  false,
  [],
  {},
  ['x', null],
  '\u0000',
  '\ud800',
  'E1',
];

/** A directory that answers in pages. */
const FROM_PAGES: readonly (() => Given)[] = [
  () => ({ pages: [], cut: false }),
  () => ({ pages: [[]], cut: true }),
  () => ({ pages: paged(ALL).slice(0, any(6)), cut: true }),
  // It says that this was all, and it was not.
  () => ({ pages: paged(ALL).slice(0, any(6)), cut: false }),
  () => ({ pages: paged(ALL.filter(() => any(10) > 2)), cut: false }),
  () => ({ pages: paged(ALL.filter(() => any(10) > 0)), cut: true }),
  () => ({
    pages: paged(
      ALL.map((record) => ({ ...record, [oneOf(['id', 'email', 'status', 'region'])]: oneOf(NONSENSE) })),
    ),
    cut: false,
  }),
  () => ({ pages: paged(ALL.map((record) => (any(9) === 0 ? {} : record))), cut: false }),
  () => ({ pages: paged(ALL.map((record) => ({ ...record, status: 'ACTIVE' }))), cut: any(2) === 0 }),
  () => ({ pages: paged(ALL.map((record) => ({ ...record, region: 'nowhere' }))), cut: any(2) === 0 }),
  () => ({ pages: paged(ALL.map((record) => ({ ...record, id: `${record.id}-new` }))), cut: any(2) === 0 }),
  () => ({ pages: paged(ALL.flatMap((record) => (any(9) === 0 ? [record, record] : [record]))), cut: false }),
];

function paged(records: readonly DirectoryRecord[]): DirectoryRecord[][] {
  return Array.from({ length: Math.ceil(records.length / 10) }, (_, page) =>
    records.slice(page * 10, page * 10 + 10),
  );
}

const FORMATS = {
  csv: () => ['id,email,name,region,status', ...ALL.map((one) => Object.values(one).join(','))].join('\n'),
  json: () => JSON.stringify(ALL, null, 1),
  ndjson: () => ALL.map((one) => JSON.stringify(one)).join('\n'),
};

/** How a file breaks: cut anywhere, with a hole, with bytes that nobody wrote, bit by bit, or written over half. */
const DAMAGES: readonly ((bytes: Buffer) => Buffer)[] = [
  (bytes) => bytes.subarray(0, any(bytes.length)),
  (bytes) => Buffer.concat([bytes.subarray(0, any(bytes.length)), bytes.subarray(any(bytes.length))]),
  (bytes) => {
    const at = any(bytes.length);
    const garbage = Buffer.from(Array.from({ length: 1 + any(200) }, () => any(256)));
    return Buffer.concat([bytes.subarray(0, at), garbage, bytes.subarray(at)]);
  },
  (bytes) => {
    const copy = Buffer.from(bytes);
    for (let flips = 0; flips < 1 + any(20); flips++) copy[any(copy.length)] = any(256);
    return copy;
  },
  (bytes) => Buffer.concat([bytes.subarray(0, any(bytes.length)), Buffer.alloc(any(4096))]),
  () => Buffer.alloc(0),
];

/** A damaged file, through the reader of files. */
async function fromFile(folder: string): Promise<Given> {
  const format = oneOf(['csv', 'json', 'ndjson'] as const);
  const path = join(folder, `people.${format}`);
  writeFileSync(path, oneOf(DAMAGES)(Buffer.from(FORMATS[format]())));
  const pages: DirectoryRecord[][] = [];
  try {
    for await (const page of openFile({ type: 'file', path }).pages()) pages.push([...page]);
    return { pages, cut: false };
  } catch (error) {
    if (!isSyncError(error, 'incomplete')) throw error;
    return { pages, cut: true };
  }
}

async function read(rig: Rig, { pages, cut }: Given): Promise<void> {
  rig.people.pages(pages, cut);
  await rig.reconcile();
  await rig.drain();
}

describe('a thousand broken reads', () => {
  it('take nobody away', { timeout: 300_000 }, async () => {
    const server = await startRedis({ movable: true });
    onTestFinished(() => server.stop());
    const rig = await createRig({ server, rules: { policy: 'full' } });
    rig.configure({ leaverRules: { graceMs: { missing: 7 * DAY, inactive: DAY, outOfScope: 3 * DAY } } });
    onTestFinished(() => rig.close());
    const folder = mkdtempSync(join(tmpdir(), 'broken-reads-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    await read(rig, { pages: paged(ALL), cut: false });
    const ours = new Set(rig.sandbox.state().users.map(({ id }) => id));
    expect(ours.size).toBe(ALL.length);

    let incomplete = 0;
    let held = 0;
    for (let reads = 1; reads <= READS; reads++) {
      server.advance(EVERY_MS);
      await read(rig, any(2) === 0 ? oneOf(FROM_PAGES)() : await fromFile(folder));
      const [last] = await rig.ledger.runs.recent(1);
      incomplete += last?.complete === false ? 1 : 0;
      held += (last?.held ?? 0) > 0 ? 1 : 0;
      if (reads % WHOLE_EVERY === 0) await read(rig, { pages: paged(ALL), cut: false });
    }
    // What was damaged did come as reads of all sorts.
    expect(incomplete).toBeGreaterThan(READS / 10);
    expect(held).toBeGreaterThan(READS / 10);
    const removed = rig.sandbox.calls().filter((call) => call.removed && ours.has(call.id ?? ''));
    expect(removed).toEqual([]);
    const active = rig.sandbox.state().users.filter((user) => user.active && ours.has(user.id));
    expect(active).toHaveLength(ALL.length);
  });
});
