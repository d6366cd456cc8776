/** Plan files: what is written is read, and what was edited is refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSyncError } from '../../model/errors.ts';
import { type PlannedSync, readPlanFile, writePlanFile } from '../../plan/plan-file.ts';

const text = fc.string({ unit: 'binary', maxLength: 12 });
const row = fc.record({
  sourceId: text,
  ref: fc.constant(null),
  kind: fc.constantFrom('create' as const, 'update' as const),
  cause: fc.constantFrom('newHire' as const, 'changed' as const),
  userName: text,
  omniId: fc.constant(null),
  provenance: fc.constant(null),
  fields: fc.dictionary(
    text.map((name) => `@${name}`),
    fc.oneof(text, fc.integer(), fc.constant(null)),
  ),
  version: text,
  was: text,
  calls: fc.nat(2),
  note: fc.constant(null),
});
const identity = fc.record({ omniHost: text, directory: text, idExpression: text });
const plan: fc.Arbitrary<PlannedSync> = fc.record({
  name: text,
  identity,
  madeAt: fc.constant('2026-01-01T00:00:00.000Z'),
  changes: fc.array(row, { maxLength: 4 }),
  leavers: fc.constant([]),
});
const plans = fc.array(plan, { maxLength: 3 });

function refusal(file: string): string | undefined {
  try {
    readPlanFile(file);
  } catch (error) {
    return isSyncError(error, 'config') ? error.code : String(error);
  }
  return undefined;
}

describe('readPlanFile', () => {
  it('gives back what was written, however the file is laid out', () => {
    fc.assert(
      fc.property(plans, fc.constantFrom(0, 1, 4), (syncs, indent) => {
        const file = writePlanFile(syncs);
        const again = JSON.stringify(JSON.parse(file), undefined, indent);
        expect(JSON.stringify(readPlanFile(again))).toBe(JSON.stringify(syncs));
      }),
    );
  });

  it('refuses a file in which any one value was changed', () => {
    fc.assert(
      fc.property(plans, fc.nat(), (syncs, seed) => {
        const file = JSON.parse(writePlanFile(syncs));
        edit(file.syncs, seed, file);
        expect(refusal(JSON.stringify(file))).toBe('plan.edited');
      }),
    );
  });

  it.each([
    ['half a file', writePlanFile([]).slice(0, -6), 'plan.no-plan'],
    ['other JSON', '{"syncs": []}', 'plan.no-plan'],
    ['a list', '[]', 'plan.no-plan'],
    ['a number', '7', 'plan.no-plan'],
    ['a newer form', writePlanFile([]).replace('"version": 1', '"version": 2'), 'plan.version'],
    ['one without its digest', writePlanFile([]).replace(/,\s*"digest": "[^"]+"/, ''), 'plan.edited'],
  ])('refuses %s', (_, file, code) => {
    expect(refusal(file)).toBe(code);
  });

  it('says how to mend it', () => {
    expect(() => readPlanFile('{')).toThrow('make a new one with `omni-sync plan --out FILE`');
  });
});

/** Changes one of the leaves of `value`, or adds one where there is none. */
function edit(value: unknown, seed: number, file: { syncs: unknown[] }): void {
  const leaves: (() => void)[] = [];
  const walk = (node: unknown) => {
    if (typeof node !== 'object' || node === null) return;
    const holder = node as Record<string, unknown>;
    for (const [key, child] of Object.entries(holder)) {
      if (typeof child === 'object' && child !== null) walk(child);
      else leaves.push(() => Object.assign(holder, { [key]: `${String(child)}x` }));
    }
  };
  walk(value);
  const leaf = leaves[seed % Math.max(1, leaves.length)];
  if (leaf === undefined) file.syncs.push({});
  else leaf();
}
