/** Acts of operators: none without a record. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Audit } from '../../ledger/audit.ts';
import type { AuditEntry, AuditFacts } from '../../model/audit.ts';
import type { Operations } from '../../ops/operations.ts';
import { auditedOperations } from '../../worker/audited-operations.ts';

/** The operations that take an Actor, as `ops/operations.ts` declares them. */
function acts(): string[] {
  const text = readFileSync(new URL('../../ops/operations.ts', import.meta.url), 'utf8');
  const body = text.slice(text.indexOf('export interface Operations'));
  return [...body.matchAll(/^ {2}(\w+)\([^;]*?\w+: Actor\b/gms)].map(([, name = '']) => name);
}

/** Operations that do nothing, and what is recorded of them. */
function recording(): { readonly operations: Operations; readonly kept: AuditEntry[] } {
  const kept: AuditEntry[] = [];
  const nothing = Object.fromEntries(
    acts().map((name) => [name, async () => ({ done: ['E1'], unknown: [] })]),
  );
  const audit: Audit = {
    values: false,
    stamp: (facts: AuditFacts) => ({ at: new Date(0).toISOString(), ...facts }),
    keep: async (entry) => void kept.push(entry),
    show: async () => {},
    read: async () => kept,
  };
  return { operations: auditedOperations(nothing as unknown as Operations, audit), kept };
}

describe('auditedOperations', () => {
  it('has acts to record', () => {
    expect(acts()).toEqual(
      expect.arrayContaining(['approve', 'keep', 'unkeep', 'retry', 'pause', 'resume', 'resync']),
    );
  });

  it.each(acts())('records %s before and after it is done, with who did it', async (name) => {
    const { operations, kept } = recording();
    const carryOut = operations[name as 'approve'] as (...args: unknown[]) => Promise<unknown>;
    const given: Readonly<Record<string, unknown[]>> = {
      approve: [['E1'], 'digest'],
      pause: [],
      resume: [],
      resync: [{ full: false }],
    };
    await carryOut(...(given[name] ?? [['E1']]), 'cli:ada');
    expect(kept.map(({ did, who, outcome }) => [did, who, outcome])).toEqual([
      [name, 'cli:ada', undefined],
      [name, 'cli:ada', 'done'],
    ]);
  });
});
