/** Which hosts may be called: never one that only this machine or its cloud answers for. */
import { lookup } from 'node:dns';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';
import { codedError } from './failure.ts';

const LOOPBACK = blockList([
  ['127.0.0.0', 8],
  ['::1', 128],
]);

/**
 * Link-local, unspecified and cloud metadata addresses, and the IPv6 forms that lead to link-local IPv4
 * (compatible, NAT64, 6to4; the mapped form is BlockList's own business). Private ranges are not here:
 * companies have their directories, proxies and vanity hosts in them.
 */
const FORBIDDEN = blockList([
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['100.100.100.200', 32],
  ['::', 128],
  ['fe80::', 10],
  ['::a9fe:0', 112],
  ['64:ff9b::a9fe:0', 112],
  ['2002:a9fe::', 32],
  ['fd00:ec2::254', 128],
  ['fd20:ce::254', 128],
]);

/** Whether `host`, as `URL.hostname` spells it, names this machine: `localhost` or a loopback address. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || isIn(LOOPBACK, bare(host));
}

/** Whether `host`, as `URL.hostname` spells it, is a literal address that must not be called. */
export function isForbiddenHost(host: string): boolean {
  return isIn(FORBIDDEN, bare(host));
}

/**
 * Resolves for a connection and refuses every answer that holds a forbidden address: asked at connect time, so that a
 * name that changes its mind after a check (DNS rebinding) is refused too.
 */
export const publicLookup: LookupFunction = guarded((address) => !isIn(FORBIDDEN, address));

/** Resolves for a connection without TLS: only to this machine. */
export const loopbackLookup: LookupFunction = guarded((address) => isIn(LOOPBACK, address));

function guarded(allowed: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      const first = found?.[0];
      if (error || first === undefined) return callback(error ?? codedError('ENOTFOUND'), []);
      if (!found.every(({ address }) => allowed(address)))
        return callback(codedError('FORBIDDEN_ADDRESS'), []);
      if (options.all) return callback(null, found);
      return callback(null, first.address, first.family);
    });
  };
}

function blockList(subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of subnets) list.addSubnet(network, prefix, family(network));
  return list;
}

function isIn(list: BlockList, address: string): boolean {
  return isIP(address) !== 0 && list.check(address, family(address));
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}

/** Without the brackets of a URL and without a zone. */
function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
}
