/** Which values of a configuration must never show, for logs to cut them out. */
import type { Config } from './schema.ts';

/**
 * Every secret of `config`, each once, the longest first so that one that holds another goes whole. Passwords inside
 * URLs are there as written and decoded; webhook addresses count, for who has one can post to it.
 */
export function secretsOf(config: Config): string[] {
  const found = [
    config.redis.password,
    ...config.redis.encryptionKeys,
    ...redisUrls(config).flatMap(passwordsIn),
    ...config.server.tokens.map(({ token }) => token),
    ...config.alerts.flatMap(({ webhook, secret }) => [webhook, secret]),
    ...config.syncs.flatMap(({ directory, omni, leavers }) => [
      directory.type === 'ldap' ? directory.bindPassword : undefined,
      ...omni.apiKeys.map(({ value }) => value),
      ...passwordsIn(omni.proxy),
      leavers.before?.url,
    ]),
  ];
  const secrets = found.flatMap((secret) => (secret === undefined || secret === '' ? [] : [secret]));
  return [...new Set(secrets)].sort((a, b) => b.length - a.length);
}

function redisUrls({ redis }: Config): readonly string[] {
  if (redis.place.type === 'cluster') return redis.place.urls;
  return redis.place.type === 'single' ? [redis.place.url] : [];
}

function passwordsIn(url: string | undefined): readonly string[] {
  if (url === undefined || !URL.canParse(url)) return [];
  const { password } = new URL(url);
  return [password, decoded(password)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
