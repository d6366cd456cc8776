import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chainKey, type Head, NOTHING_BEFORE, readRecord, sealRecord } from '../../ledger/audit-chain.ts';
import { checkChain } from '../../ledger/audit-verify.ts';
import type { AuditEntry } from '../../model/audit.ts';

const KEY = chainKey('k'.repeat(32));
const START: Head = { trail: 'T', seq: 0, hash: NOTHING_BEFORE };

function entryOf(n: number): AuditEntry {
  const at = new Date(1_700_000_000_000 + n * 1000).toISOString();
  return { at, did: 'send', call: 'update', sourceId: `E${n % 7}`, fields: ['@région'], note: `"${n}"\n\\` };
}

function chainOf(count: number, key = KEY): { lines: string[]; head: Head } {
  const lines: string[] = [];
  let head = START;
  for (let n = 0; n < count; n++) {
    const sealed = sealRecord(entryOf(n), head, key);
    lines.push(sealed.line);
    head = sealed.head;
  }
  return { lines, head };
}

/** As a file is checked: its bytes cut at the ends of lines. */
function check(bytes: Buffer, anchor: Head | undefined, keys = [KEY]) {
  const checker = checkChain(keys, new Map(anchor === undefined ? [] : [['T', anchor]]));
  const lines = bytes.toString('latin1').split('\n');
  const rest = lines.pop();
  lines.forEach((line, i) => {
    checker.line(Buffer.from(line, 'latin1').toString(), `line ${i + 1}`);
  });
  if (rest !== '') checker.unended('the end');
  return checker.end();
}

const whole = ({ lines }: { lines: string[] }) => Buffer.from(`${lines.join('\n')}\n`);
const kinds = (verdict: ReturnType<typeof check>) => verdict.faults.map(({ kind }) => kind);

describe('sealRecord', () => {
  it('makes lines that readRecord takes for sound, and gives back what was written', () => {
    const sealed = sealRecord(entryOf(3), START, KEY);
    const read = readRecord(sealed.line, [KEY]);
    expect(read?.sound).toBe(true);
    expect(read?.record).toMatchObject({ ...entryOf(3), seq: 1, prev: NOTHING_BEFORE, key: KEY.id });
    expect(readRecord(sealed.line, [])?.sound).toBe('unknownKey');
    expect(sealed.line).not.toContain('\n');
  });
});

/** What somebody may do to a file: each gives other bytes, or the same ones where there is nothing to change. */
const MUTATIONS: Record<string, (bytes: Buffer, at: number, more: number) => Buffer> = {
  flip: (bytes, at, more) => {
    const changed = Buffer.from(bytes);
    const place = at % bytes.length;
    changed[place] = (changed[place] ?? 0) ^ (1 << (more % 8));
    return changed;
  },
  insert: (bytes, at, more) => {
    const place = at % (bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, place), Buffer.of(more % 256), bytes.subarray(place)]);
  },
  drop: (bytes, at) => {
    const place = at % bytes.length;
    return Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + 1)]);
  },
  truncate: (bytes, at) => bytes.subarray(0, at % bytes.length),
  behead: (bytes, at) => bytes.subarray(1 + (at % (bytes.length - 1))),
  cutLines: (bytes, at, more) =>
    edit(bytes, (lines) => lines.toSpliced(at % lines.length, 1 + (more % lines.length))),
  swap: (bytes, at, more) =>
    edit(bytes, (lines) => {
      const [a, b] = [at % lines.length, more % lines.length];
      return lines.with(a, lines[b] ?? '').with(b, lines[a] ?? '');
    }),
  repeat: (bytes, at, more) =>
    edit(bytes, (lines) => lines.toSpliced(more % lines.length, 0, lines[at % lines.length] ?? '')),
  forge: (bytes, at, more) =>
    // Rewritten with a right hash, by who does not have the key.
    edit(bytes, (lines) => {
      const place = at % lines.length;
      const record = readRecord(lines[place] ?? '', [])?.record;
      if (record === undefined) return lines;
      const head = { trail: 'T', seq: record.seq - 1, hash: record.prev };
      return lines.with(place, sealRecord({ ...entryOf(more), note: 'forged' }, head).line);
    }),
  forgeRest: (bytes, at, more) =>
    edit(bytes, (lines) => {
      const place = at % lines.length;
      const record = readRecord(lines[place] ?? '', [])?.record;
      if (record === undefined) return lines;
      let head = { trail: 'T', seq: record.seq - 1, hash: record.prev };
      const rest = lines.slice(place).map((_, i) => {
        const sealed = sealRecord({ ...entryOf(more + i), note: 'forged' }, head);
        head = sealed.head;
        return sealed.line;
      });
      return [...lines.slice(0, place), ...rest];
    }),
};

function edit(bytes: Buffer, change: (lines: string[]) => string[]): Buffer {
  const lines = change(bytes.toString().split('\n').slice(0, -1));
  return Buffer.from(lines.map((line) => `${line}\n`).join(''));
}

describe('checkChain', () => {
  it('finds nothing wrong with a chain as it was written', () => {
    const chain = chainOf(50);
    const verdict = check(whole(chain), chain.head);
    expect(verdict).toEqual({ faults: [], records: 50, head: chain.head, unsigned: 0 });
  });

  it('takes an anchor that lags behind, as after a death between the two', () => {
    const chain = chainOf(9);
    expect(kinds(check(whole(chain), chainOf(7).head))).toEqual([]);
  });

  it.each([
    ['with a key', KEY],
    ['without a key', undefined],
  ])('finds 10,000 random mutations, all of them, %s', (_, key) => {
    const chain = key === undefined ? unsignedOf(40) : chainOf(40, key);
    const bytes = whole(chain);
    let done = 0;
    const mutation = fc.record({
      name: fc.constantFrom(...Object.keys(MUTATIONS)),
      at: fc.nat(),
      more: fc.nat(),
    });
    fc.assert(
      fc.property(mutation, ({ name, at, more }) => {
        const changed = MUTATIONS[name]?.(bytes, at, more) ?? bytes;
        fc.pre(!changed.equals(bytes));
        done++;
        const { faults } = check(changed, chain.head);
        return faults.length > 0;
      }),
      { numRuns: 10_000, maxSkipsPerRun: 100 },
    );
    expect(done).toBe(10_000);
  });

  it('names what was done: missing, reordered, cut, altered', () => {
    const { lines, head } = chainOf(10);
    const bytes = (changed: string[]) => whole({ lines: changed });
    expect(kinds(check(bytes(lines.toSpliced(4, 1)), head))).toEqual(['missing']);
    expect(kinds(check(bytes(lines.slice(0, 8)), head))).toEqual(['cut']);
    expect(kinds(check(bytes(lines.slice(3)), head))).toEqual(['missing']);
    expect(kinds(check(bytes(lines.with(4, lines[5] ?? '').with(5, lines[4] ?? '')), head))).toContain(
      'reordered',
    );
    expect(kinds(check(bytes(lines.with(4, (lines[4] ?? '').replace('E4', 'E5'))), head))).toEqual([
      'altered',
    ]);
    expect(kinds(check(whole({ lines }).subarray(0, -1), head))).toContain('cut');
    expect(kinds(check(Buffer.alloc(0), head))).toEqual(['missing']);
  });

  it('takes a beginning that a record of retention explains, and no other', () => {
    const { lines, head } = chainOf(10);
    const sealed = sealRecord({ at: entryOf(0).at, did: 'retention', note: '4' }, head, KEY);
    const rest = [...lines, sealed.line];
    expect(kinds(check(whole({ lines: rest.slice(4) }), sealed.head))).toEqual([]);
    expect(kinds(check(whole({ lines: rest.slice(3) }), sealed.head))).toEqual(['missing']);
    expect(kinds(check(whole({ lines: rest.slice(5) }), sealed.head))).toEqual(['missing']);
  });

  it('goes on from a chain without a key to one with, counts the first, and takes none back', () => {
    const plain = unsignedOf(5);
    const signed = sealRecord(entryOf(6), plain.head, KEY);
    const verdict = check(whole({ lines: [...plain.lines, signed.line] }), signed.head);
    expect(verdict).toMatchObject({ faults: [], unsigned: 5 });
    const back = sealRecord(entryOf(7), signed.head);
    const lines = [...plain.lines, signed.line, back.line];
    expect(kinds(check(whole({ lines }), back.head))).toEqual(['altered']);
    expect(kinds(check(whole({ lines: [signed.line] }), undefined, []))).toContain('unknownKey');
  });
});

function unsignedOf(count: number): { lines: string[]; head: Head } {
  const lines: string[] = [];
  let head = START;
  for (let n = 0; n < count; n++) {
    const sealed = sealRecord(entryOf(n), head);
    lines.push(sealed.line);
    head = sealed.head;
  }
  return { lines, head };
}
