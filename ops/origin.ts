/**
 * Whether a request was meant for this server: its Host header names us, and a page that sent it is ours. Keeps out the
 * pages of others, under names that they let point here (DNS rebinding) too. Pure.
 */
import { isIP } from 'node:net';

export interface OwnAddress {
  /** What it listens on; IPv6 without brackets. */
  readonly host: string;
  /** The origin that browsers use, where something stands before it. */
  readonly publicUrl?: string;
}

/**
 * Listening on loopback: a loopback name. Beyond it: also any IP address and any name without a dot, which nobody
 * outside can make point here. Always: the host of `publicUrl`.
 */
export function isOwnHost(header: string | undefined, own: OwnAddress): boolean {
  const name = hostName(header);
  if (name === undefined) return false;
  if (isLoopbackName(name) || name === own.host.toLowerCase()) return true;
  if (own.publicUrl !== undefined && header?.toLowerCase() === new URL(own.publicUrl).host) return true;
  return !isLoopbackName(own.host) && (isIP(name) !== 0 || !name.includes('.'));
}

/** Of an Origin header that is there: the page's own server, under the name that the request was sent to. */
export function isOwnOrigin(origin: string, hostHeader: string | undefined, own: OwnAddress): boolean {
  if (own.publicUrl !== undefined && origin === own.publicUrl) return true;
  return hostHeader !== undefined && origin.toLowerCase() === `http://${hostHeader.toLowerCase()}`;
}

/** Without its port and an IPv6 address's brackets, in small letters. */
function hostName(header: string | undefined): string | undefined {
  const [, name] = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(header ?? '') ?? [];
  return name?.replace(/^\[|\]$/g, '').toLowerCase();
}

function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name === '::1' || (isIP(name) === 4 && name.startsWith('127.'));
}
