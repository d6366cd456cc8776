/**
 * Checks an audit chain from its first line to its last: pure. Finds what was altered, what is missing, what stands in
 * another place than it was written to, and what was cut off at the end.
 *
 * | what is met | so |
 * |---|---|
 * | a line that is no record, or whose hash is not that of its bytes | altered |
 * | a number that was passed already | reordered (or repeated) |
 * | a number further on than the next | missing: those between |
 * | the next number, but it names another record before it | altered: the one before was replaced |
 * | a record without a key, after one with | altered: written by who has no key |
 * | a chain that does not begin at 1, and no record of retention says so | missing |
 * | the last line has no end, or an anchor lies beyond it | cut |
 * | an anchor is of a chain that is not here | missing |
 * | an anchor has another hash than the record of its number | altered |
 */
import { type ChainKey, type ChainRecord, type Head, NOTHING_BEFORE, readRecord } from './audit-chain.ts';

/** What is wrong with a chain, and where. */
export interface ChainFault {
  readonly kind: 'altered' | 'missing' | 'reordered' | 'cut' | 'unknownKey';
  /** The file, and the line in it from 1; absent where it is about no line. */
  readonly where?: string;
  readonly message: string;
}

/** What a check came to. */
export interface ChainVerdict {
  readonly faults: readonly ChainFault[];
  readonly records: number;
  /** The last record; nothing where there is none. */
  readonly head: Head | undefined;
  /** How many of the first records have no key. */
  readonly unsigned: number;
}

/** Takes the lines of one chain in order. */
export interface ChainCheck {
  line(text: string, where: string): void;
  /** The last line has no end: a process died as it wrote, or somebody cut it. */
  unended(where: string): void;
  end(): ChainVerdict;
}

/** What is known of a chain at a line. */
interface Walk {
  readonly faults: ChainFault[];
  readonly deletedUpTo: Set<number>;
  readonly unknownKeys: Set<string>;
  records: number;
  unsigned: number;
  first: number | undefined;
  last: Head | undefined;
  /** What the next record must name; unknown after a line that cannot be believed. */
  before: string | undefined;
}

/**
 * A check of one host's chain. `anchors`: the heads that were noted elsewhere for this place, by chain. Records under a
 * key that is not among `keys` cannot be checked, and that is said.
 */
export function checkChain(keys: readonly ChainKey[], anchors: ReadonlyMap<string, Head>): ChainCheck {
  const walk: Walk = {
    faults: [],
    deletedUpTo: new Set(),
    unknownKeys: new Set(),
    records: 0,
    unsigned: 0,
    first: undefined,
    last: undefined,
    before: NOTHING_BEFORE,
  };
  return {
    line(text, where) {
      const read = readRecord(text, keys);
      if (read === undefined || read.sound === false) {
        distrust(walk, read === undefined ? 'is no record' : `record ${read.record.seq} was changed`, where);
        return;
      }
      const { record, sound } = read;
      if (sound === 'unknownKey') walk.unknownKeys.add(record.key ?? '');
      const faults = [...signFaults(record, walk), ...placeFaults(record, walk)];
      if (anchors.get(record.trail)?.seq === record.seq && anchors.get(record.trail)?.hash !== record.hash)
        faults.push(['altered', `record ${record.seq} is not the one that Redis has seen`]);
      walk.faults.push(...faults.map(([kind, message]) => ({ kind, message, where })));
      step(record, walk);
    },
    unended: (where) => void walk.faults.push({ kind: 'cut', message: 'the last line has no end', where }),
    end() {
      const { faults, records, last, unsigned } = walk;
      const ending = [...endFaults(walk), ...anchorFaults(walk, anchors)];
      return {
        faults: [...faults, ...ending.map(([kind, message]) => ({ kind, message }))],
        records,
        head: last,
        unsigned,
      };
    },
  };
}

type Found = readonly [kind: ChainFault['kind'], message: string];

/** A line that is no record stands for one. */
function distrust(walk: Walk, message: string, where: string): void {
  walk.faults.push({ kind: 'altered', message, where });
  const seq = (walk.last?.seq ?? 0) + 1;
  walk.first ??= seq;
  walk.last = { trail: walk.last?.trail ?? '', seq, hash: '' };
  walk.before = undefined;
}

function signFaults({ seq, key, trail }: ChainRecord, { records, unsigned, last }: Walk): Found[] {
  const found: Found[] = [];
  if (key === undefined && records > unsigned)
    found.push(['altered', `record ${seq} has no key, and an earlier one has`]);
  if (last !== undefined && last.trail !== '' && trail !== last.trail)
    found.push(['altered', `record ${seq} is of another chain`]);
  return found;
}

function placeFaults({ seq, prev }: ChainRecord, { last, before }: Walk): Found[] {
  const next = last === undefined ? seq : last.seq + 1;
  if (seq < next) return [['reordered', `record ${seq} stands after record ${next - 1}`]];
  if (seq > next) return [['missing', `${between(next, seq)} before it`]];
  const known = last === undefined && seq !== 1 ? undefined : before;
  if (known === undefined || prev === known) return [];
  return [['altered', `record ${seq} was written after something else than what stands before it`]];
}

function step(record: ChainRecord, walk: Walk): void {
  if (record.key === undefined && walk.unsigned === walk.records) walk.unsigned++;
  walk.records++;
  walk.first ??= record.seq;
  walk.last = { trail: record.trail, seq: record.seq, hash: record.hash };
  walk.before = record.hash;
  if (record.did === 'retention') walk.deletedUpTo.add(Number(record.note));
}

function endFaults({ unknownKeys, first, deletedUpTo }: Walk): Found[] {
  const found: Found[] = [...unknownKeys].map((key) => [
    'unknownKey',
    `records are signed with key ${key}, which is not configured: they were not checked`,
  ]);
  if (first !== undefined && first > 1 && !deletedUpTo.has(first - 1))
    found.push([
      'missing',
      `${between(1, first)} at the beginning, and no record says that they were deleted`,
    ]);
  return found;
}

function anchorFaults({ last, records }: Walk, anchors: ReadonlyMap<string, Head>): Found[] {
  return [...anchors.values()].flatMap(({ trail, seq }): Found[] => {
    if (records === 0 || trail !== last?.trail)
      return [['missing', `the chain ${trail} of ${seq} records is not here: Redis has seen it`]];
    if (seq <= last.seq) return [];
    return [['cut', `${between(last.seq + 1, seq + 1)} at the end: Redis has seen them`]];
  });
}

function between(from: number, to: number): string {
  return to - from === 1 ? `record ${from} is missing` : `records ${from} to ${to - 1} are missing`;
}
