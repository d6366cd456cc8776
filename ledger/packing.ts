/**
 * How a link is packed into a bucket: pure, and the one place that knows the bytes.
 *
 * | bytes | what |
 * |---|---|
 * | 2 | length of the rest, big endian |
 * | 1 + n | sourceId |
 * | 16 | omniId |
 * | 1 | flags: 1 adopted, 2 deactivated, 4 protected, 8 unreviewed |
 * | 4 | since, seconds, big endian |
 * | 2 + n | userName |
 * | 1 + 5n | digests of the confirmed fields |
 */
import type { Link } from '../model/link.ts';
import { BUCKETS } from './keys.ts';

/** Bytes of one digest of a confirmed field. */
export const DIGEST_BYTES = 5;

const ADOPTED = 1;
const DEACTIVATED = 2;
const PROTECTED = 4;
const UNREVIEWED = 8;

/** The bucket of a person: FNV-1a over the id's UTF-16 units. */
export function bucketOf(sourceId: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < sourceId.length; i++) hash = Math.imul(hash ^ sourceId.charCodeAt(i), 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 0) % BUCKETS;
}

/** One packed link. The sourceId is at most 255 bytes and there are at most 250 attributes (plan/ and config/ see to it). */
export function packLink(link: Link): Buffer {
  const id = Buffer.from(link.sourceId);
  const name = Buffer.from(link.userName);
  const flags =
    (link.provenance === 'adopted' ? ADOPTED : 0) |
    (link.state === 'deactivated' ? DEACTIVATED : 0) |
    (link.protected ? PROTECTED : 0) |
    (link.unreviewed === true ? UNREVIEWED : 0);
  const digests = Buffer.from([...link.confirmed].join(''), 'latin1');
  const since = Buffer.alloc(4);
  since.writeUInt32BE(link.since);
  const rest = Buffer.concat([
    Buffer.of(id.length),
    id,
    packUuid(link.omniId),
    Buffer.of(flags),
    since,
    twoBytes(name.length),
    name,
    Buffer.of(digests.length / DIGEST_BYTES),
    digests,
  ]);
  return Buffer.concat([twoBytes(rest.length), rest]);
}

function twoBytes(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** Tells, all but surely, whether a link is another than it was: 32 bits. */
export function linkMark(link: Link): number {
  let hash = 0x811c9dc5;
  for (const byte of packLink(link)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** The links of one bucket, in order. */
export function unpackLinks(blob: Buffer): Link[] {
  const links: Link[] = [];
  for (let at = 0; at < blob.length; ) {
    const length = blob.readUInt16BE(at);
    links.push(unpackLink(blob.subarray(at + 2, at + 2 + length)));
    at += 2 + length;
  }
  return links;
}

function unpackLink(rest: Buffer): Link {
  let at = 0;
  const take = (length: number) => {
    at += length;
    return rest.subarray(at - length, at);
  };
  const byte = () => take(1).readUInt8();
  const sourceId = take(byte()).toString();
  const omniId = unpackUuid(take(16));
  const flags = byte();
  const since = take(4).readUInt32BE();
  const userName = take(take(2).readUInt16BE()).toString();
  const digests = take(byte() * DIGEST_BYTES).toString('latin1');
  return {
    sourceId,
    omniId,
    userName,
    provenance: flags & ADOPTED ? 'adopted' : 'created',
    state: flags & DEACTIVATED ? 'deactivated' : 'active',
    since,
    protected: (flags & PROTECTED) !== 0,
    ...((flags & UNREVIEWED) !== 0 && { unreviewed: true }),
    confirmed: new Set(slices(digests, DIGEST_BYTES)),
  };
}

function slices(text: string, size: number): string[] {
  return Array.from({ length: text.length / size }, (_, i) => text.slice(i * size, (i + 1) * size));
}

/** A UUID's 16 bytes. */
export function packUuid(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

function unpackUuid(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
