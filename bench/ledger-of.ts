/** A ledger as if these people had been provisioned long ago: packed buckets and fingerprints, written at once. */
import type { Redis } from 'ioredis';
import { BUCKETS, syncKeys } from '../ledger/keys.ts';
import { groupOf } from '../ledger/links.ts';
import { bucketOf, packLink } from '../ledger/packing.ts';
import { compileFingerprint, confirmedOf } from '../plan/fingerprint.ts';
import { compileMapping, type MappingOptions } from '../plan/map.ts';
import { personOf } from './installation.ts';

const SINCE = 1_700_000_000;
const BUCKETS_AT_ONCE = 1_024;

/** Links `count` people of the sync `acme`, as its first run would have left them. */
export async function linkEverybody(redis: Redis, count: number, mapping: MappingOptions): Promise<void> {
  const keys = syncKeys('acme');
  const compiled = compileMapping(mapping);
  const fingerprint = compileFingerprint({ attributeNames: compiled.attributeNames, updates: true });
  const links: Buffer[][] = Array.from({ length: BUCKETS }, () => []);
  const prints: Buffer[][] = Array.from({ length: BUCKETS }, () => []);
  for (let i = 0; i < count; i++) {
    const mapped = compiled.map({ ...personOf(i) });
    if (mapped.verdict !== 'inScope') throw new Error(`person ${i} is ${mapped.verdict}`);
    const { desired } = mapped;
    const bucket = bucketOf(desired.sourceId);
    const confirmed = new Set(confirmedOf(desired));
    const { sourceId, userName } = desired;
    const about = { sourceId, userName, omniId: uuidOf(i), provenance: 'created', state: 'active' } as const;
    links[bucket]?.push(packLink({ ...about, since: SINCE, protected: false, confirmed }));
    prints[bucket]?.push(fingerprint(desired, false));
  }
  for (let from = 0; from < BUCKETS; from += BUCKETS_AT_ONCE) {
    const pipeline = redis.pipeline();
    for (let bucket = from; bucket < from + BUCKETS_AT_ONCE; bucket++) {
      const packed = Buffer.concat(links[bucket] ?? []);
      if (packed.length === 0) continue;
      pipeline.set(keys.links(bucket), packed);
      pipeline.hset(keys.index(groupOf(bucket)), String(bucket), Buffer.concat(prints[bucket] ?? []));
    }
    await pipeline.exec();
  }
}

function uuidOf(index: number): string {
  return `00000000-0000-4000-8000-${index.toString(16).padStart(12, '0')}`;
}
