/** Which TLS a connection to Redis speaks, in every form of its address. Never less than was asked for. */
import type { ConnectionOptions } from 'node:tls';

interface Asked {
  /** Every URL of the address, where it has some. */
  readonly urls: readonly string[];
  /** As it is configured: `ca` is PEM text. */
  readonly tls?: { readonly ca?: string } | undefined;
}

interface TlsOptions {
  readonly tls?: ConnectionOptions;
  readonly sentinelTLS?: ConnectionOptions;
  readonly enableTLSForSentinelMode?: boolean;
}

/**
 * What ioredis needs so that all of it is TLS: it has another switch for sentinels, and forgets `rediss://` in a
 * cluster, where the password would then travel in plain text. Empty where no TLS was asked for. Certificates are always checked,
 * whatever the environment says.
 */
export function tlsOptions({ urls, tls }: Asked): TlsOptions {
  if (tls === undefined && !urls.some((url) => /^rediss:/i.test(url))) return {};
  const options: ConnectionOptions = {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(tls?.ca !== undefined && { ca: tls.ca }),
  };
  return { tls: options, sentinelTLS: options, enableTLSForSentinelMode: true };
}
