/**
 * What mapping and fingerprinting a record costs: `node bench/expression.ts [records]` (Node 24, or what the build makes of it).
 * Figures to reason with; no test asserts them.
 */
import { compileFingerprint, confirmedOf } from '../plan/fingerprint.ts';
import { compileMapping, type MappingOptions } from '../plan/map.ts';

const BARE: MappingOptions = {
  id: 'employee_id',
  userName: 'email',
  displayName: 'full_name',
  attributes: { region: 'office', team: 'department', level: 'level' },
};

const CEL: MappingOptions = {
  id: 'employee_id',
  userName: 'email',
  displayName: 'first_name + " " + last_name',
  active: 'status == "active"',
  where: 'department != "Contractors" && level > 0',
  attributes: { region: 'office == null ? "none" : office.lowerAscii()', team: 'department' },
};

function personOf(index: number): Record<string, string | number | null> {
  return {
    employee_id: `E-${index}`,
    email: `person.${index}@acme.example`,
    full_name: `First${index % 997} Last${index % 991}`,
    first_name: `First${index % 997}`,
    last_name: `Last${index % 991}`,
    status: index % 10 === 0 ? 'left' : 'active',
    department: index % 7 === 0 ? 'Contractors' : 'Sales',
    office: index % 3 === 0 ? null : 'Berlin',
    level: index % 9,
  };
}

/** Seconds that `work` takes for `count` people, the making of the records left out. */
function timed(count: number, work: (record: Record<string, string | number | null>) => void): number {
  const page = 10_000;
  let spent = 0;
  for (let from = 0; from < count; from += page) {
    const records = Array.from({ length: Math.min(page, count - from) }, (_, index) =>
      personOf(from + index),
    );
    const start = performance.now();
    for (const record of records) work(record);
    spent += performance.now() - start;
  }
  return spent / 1_000;
}

function report(name: string, count: number, seconds: number): void {
  const each = ((seconds * 1e6) / count).toFixed(2);
  console.log(`${name.padEnd(44)} ${each} µs a record, ${seconds.toFixed(2)} s for ${count}`);
}

function main(count: number): void {
  for (const [name, options] of [
    ['bare fields', BARE],
    ['six expressions, five of them CEL', CEL],
  ] as const) {
    const mapping = compileMapping(options);
    const fingerprint = compileFingerprint({ attributeNames: mapping.attributeNames, updates: true });
    report(`${name}: map`, count, timed(count, mapping.map));
    const both = timed(count, (record) => {
      const mapped = mapping.map(record);
      if (mapped.verdict === 'inScope') fingerprint(mapped.desired, mapped.protected);
    });
    report(`${name}: map and fingerprint`, count, both);
    const confirmed = timed(count, (record) => {
      const mapped = mapping.map(record);
      if (mapped.verdict === 'inScope') confirmedOf(mapped.desired);
    });
    report(`${name}: map and digest each field`, count, confirmed);
  }
}

main(Number(process.argv[2] ?? 1_000_000));
