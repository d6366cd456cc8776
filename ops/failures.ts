/** How often an address may present a wrong token: a few at once, then a few a minute. Bounded in memory; in this process alone. */
import { isIPv6 } from 'node:net';

export interface Failures {
  /** Milliseconds until the address may try again; 0 where it may now. */
  waitFor(address: string, now: number): number;
  /** Counts one. */
  add(address: string, now: number): void;
}

/** So many at once; and one more for each of these spans. */
const BURST = 10;
const EACH_MS = 6_000;
const MOST_ADDRESSES = 10_000;

/** Nobody has failed yet. Times are milliseconds. */
export function createFailures(): Failures {
  /** Address → when all its failures will be forgiven. Those that failed last stand last. */
  const forgiven = new Map<string, number>();
  return {
    waitFor(address, now) {
      const until = forgiven.get(shareOf(address)) ?? 0;
      return Math.max(0, until - now - (BURST - 1) * EACH_MS);
    },
    add(address, now) {
      const share = shareOf(address);
      const until = Math.max(forgiven.get(share) ?? 0, now) + EACH_MS;
      forgiven.delete(share);
      forgiven.set(share, until);
      const [oldest] = forgiven.keys();
      if (forgiven.size > MOST_ADDRESSES && oldest !== undefined) forgiven.delete(oldest);
    },
  };
}

/** Who has one IPv6 address has 2^64 of them. */
function shareOf(address: string): string {
  const v4 = /^::ffff:([\d.]+)$/i.exec(address)?.[1];
  if (v4 !== undefined || !isIPv6(address)) return v4 ?? address;
  const [head = '', tail = ''] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const zeros = address.includes('::')
    ? Array.from({ length: 8 - left.length - right.length }, () => '0')
    : [];
  return [...left, ...zeros, ...right].slice(0, 4).join(':');
}
