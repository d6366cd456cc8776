/** `redis`: where what is remembered is kept. Never decides how a connection is made. */
import { z } from 'zod';
import { flag, given, IN_SECTION, list, oneOf, section, text } from './fields.ts';
import type { Files } from './files.ts';
import { anySecret, linesOf, longSecrets, readableFile, secret, secretFile } from './secret.ts';
import { hostPort, redisUrl } from './urls.ts';

/** A host as configured; IPv6 without brackets. */
interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** What is connected to: a redis-server of our own beside dataDir, or one that somebody else runs. */
type RedisPlace =
  | { readonly type: 'private' }
  | { readonly type: 'single'; readonly url: string }
  | { readonly type: 'cluster'; readonly urls: readonly string[] }
  | { readonly type: 'sentinel'; readonly name: string; readonly hosts: readonly HostPort[] };

export interface RedisConfig {
  readonly place: RedisPlace;
  /** `ca` is the absolute path of the certificates to trust instead of the system's. */
  readonly tls: false | { readonly ca?: string };
  readonly username?: string;
  readonly password?: string;
  /** The first encrypts, all decrypt; at least 32 characters each. Empty: nothing is encrypted. */
  readonly encryptionKeys: readonly string[];
}

const PASSWORD = 'the password for Redis';
const ENCRYPTION = 'the key that what is kept in Redis is encrypted with';

/** The section `redis`. */
export function redisSchema(files: Files) {
  const fields = section('where the memory is kept; left out: a private redis-server', {
    url: redisUrl('the Redis server; left out: a private one').exactOptional(),
    cluster: list("URLs of some of the cluster's nodes", redisUrl('a node of the cluster')).exactOptional(),
    sentinel: section('a Redis that sentinels watch over', {
      name: text('the name of the master group'),
      hosts: list('the sentinels', hostPort('a sentinel')),
    }).exactOptional(),
    tls: tlsSchema(files).prefault(false),
    username: text('the Redis user (ACL)').exactOptional(),
    password: secret(PASSWORD, anySecret).exactOptional(),
    passwordFile: secretFile(PASSWORD, files, anySecret).exactOptional(),
    encryptionKey: secretsSchema().exactOptional(),
    encryptionKeyFile: secretFile(ENCRYPTION, files, longSecrets).exactOptional(),
  });
  return fields
    .superRefine(oneOf(['url', 'cluster', 'sentinel']), IN_SECTION)
    .superRefine(oneOf(['password', 'passwordFile']), IN_SECTION)
    .superRefine(oneOf(['encryptionKey', 'encryptionKeyFile']), IN_SECTION)
    .transform(
      (redis): RedisConfig => ({
        place: placeOf(redis),
        tls: redis.tls,
        encryptionKeys: redis.encryptionKey ?? linesOf(redis.encryptionKeyFile?.value ?? ''),
        ...given({
          username: redis.username,
          password: (redis.password ?? redis.passwordFile)?.value,
        }),
      }),
    );
}

/** One key, or several: those after the first open what they sealed before. */
function secretsSchema() {
  const one = secret(ENCRYPTION, longSecrets);
  return z
    .union([one, list('the key that encrypts now, then earlier ones', one)], {
      error: `must be ${ENCRYPTION}: a text, or a list of them, the newest first`,
    })
    .transform((given) => [given].flat().flatMap(({ value }) => linesOf(value)))
    .describe(ENCRYPTION);
}

function tlsSchema(files: Files) {
  const detail = section('TLS with certificates of your own', {
    ca: readableFile('a PEM file of the certificates to trust', files).exactOptional(),
  });
  return z
    .union([flag('whether Redis is spoken to over TLS'), detail], {
      error: 'must be true, false or a section with ca (whether Redis is spoken to over TLS)',
    })
    .transform((tls): RedisConfig['tls'] => (tls === true ? {} : tls))
    .describe('whether Redis is spoken to over TLS');
}

interface Places {
  readonly url?: string;
  readonly cluster?: readonly string[];
  readonly sentinel?: { readonly name: string; readonly hosts: readonly HostPort[] };
}

function placeOf({ url, cluster, sentinel }: Places): RedisPlace {
  if (url !== undefined) return { type: 'single', url };
  if (cluster !== undefined) return { type: 'cluster', urls: cluster };
  return sentinel === undefined ? { type: 'private' } : { type: 'sentinel', ...sentinel };
}
