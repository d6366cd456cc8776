import { describe, expect, it } from 'vitest';
import { folder, LDAP, load, refusal, right, spoilt, write } from './settings.ts';

const S = 'syncs[0]';
const file = write(`${folder()}/key`, 'key-in-a-file-0123456789\n');
const empty = write(`${folder()}/empty`, '\n');
const ldap = (over: object) => ({ ...LDAP, ...over });

/** What is spoilt, with which value, words that the message must have, and the fault's path where it is another. */
const WRONG: readonly (readonly [path: string, value: unknown, words: RegExp, at?: string])[] = [
  ['syncs', undefined, /is required: one entry for each pair/],
  ['syncs', [], /is an empty list/],
  ['syncs', 'acme', /must be a list .*not this text/],
  ['sync', [], /did you mean syncs\?/],
  ['dataDir', 7, /must be a text with its path.*quotes/],
  ['zzzzzz', 1, /is no known key; known here: dataDir, redis, audit, server, alerts, syncs/],

  ['redis.url', 'http://redis', /redis:\/\/ or rediss:\/\//],
  ['redis', { url: 'redis://a', cluster: ['redis://b'] }, /stands beside url/, 'redis.cluster'],
  ['redis.cluster', [], /is an empty list/],
  ['redis.sentinel', { name: 'm', hosts: ['a'] }, /must be host:port/, 'redis.sentinel.hosts[0]'],
  ['redis.tls', 'sometimes', /must be true, false or a section with ca/],
  ['redis.passwordFile', '/nowhere/at-all', /names a file that does not exist/],
  ['redis.passwordFile', empty, /names a file that is empty/],
  ['redis.encryptionKey', 'short', /shorter than 32 characters.*openssl rand/],
  ['redis', { password: 'a', passwordFile: file }, /stands beside password/, 'redis.passwordFile'],

  ['server.listen', '8787', /must be host:port, such as 127\.0\.0\.1:8787/],
  ['server.listen', '127.0.0.1:70000', /must be host:port/],
  ['server.listen', '0.0.0.0:8787', /is required, because listen reaches beyond this host/, 'server.token'],
  ['server.listen', '[::]:8787', /is required, because listen reaches beyond this host/, 'server.token'],
  ['server.publicUrl', 'http://sync.example.com', /must start with https:\/\//],
  ['server.publicUrl', 'https://sync.example.com/path', /has a path/],
  ['server.token', 'changeme', /is a placeholder/],
  ['server.token', '', /is empty/],
  [
    'server.tokens',
    [{ name: 'a', scope: 'admin', token: 't' }],
    /one of read .*operate .*approve/,
    'server.tokens[0].scope',
  ],
  [
    'server.tokens',
    [{ name: 'a', scope: 'read' }],
    /is required: the bearer token/,
    'server.tokens[0].tokenFile',
  ],
  [
    'server.tokens',
    [
      { name: 'a', scope: 'read', token: 't1' },
      { name: 'a', scope: 'read', token: 't2' },
    ],
    /is the name of another token too/,
    'server.tokens[1].name',
  ],

  ['alerts', [{ on: ['held'] }], /is required: whom to tell/, 'alerts[0].webhook'],
  ['alerts', [{ webhook: 'http://hooks.example.com/' }], /must start with https:\/\//, 'alerts[0].webhook'],
  ['alerts', [{ webhook: 'https://a.b/', on: ['helt'] }], /did you mean held\?/, 'alerts[0].on[0]'],
  ['alerts', [{ command: 'notify "$X" | cat' }], /no shell reads it/, 'alerts[0].command'],

  [`${S}.name`, 'Acme Corp', /small letters, digits and hyphens/],
  [`${S}.name`, 'a'.repeat(41), /one to 40/],
  [`${S}.name`, 2024, /must be a text such as acme.*put it in quotes/],
  ['syncs', [right().syncs[0], right().syncs[0]], /is the name of syncs\[0\] too/, 'syncs[1].name'],
  [`${S}.schedule`, 'every hour', /must be a cron schedule of five fields/],
  [`${S}.schedule`, '61 * * * *', /must be a cron schedule/],
  [`${S}.verifySchedule`, '@daily', /must be a cron schedule/],
  [`${S}.fullSchedule`, '', /is empty: give it a text/],
  [`${S}.timezone`, 'Europe/Berlino', /must be a time zone such as Europe\/Berlin/],

  [`${S}.directory`, undefined, /is required: where people come from/],
  [`${S}.directory`, 'people.csv', /must be a section with keys of its own.*not this text/],
  [`${S}.directory.type`, undefined, /must be one of file, ldap/],
  [`${S}.directory.type`, 'fil', /one of file, ldap .*did you mean file\?/],
  [`${S}.directory.path`, undefined, /is required: the file/],
  [
    `${S}.directory.path`,
    './people.xlsx',
    /does not tell whether it is csv, json or ndjson/,
    `${S}.directory.format`,
  ],
  [`${S}.directory.format`, 'xml', /must be one of csv, json .*ndjson/],
  [`${S}.directory.delimiter`, ';;', /must be one character/],
  [
    `${S}.directory`,
    { type: 'file', path: 'a.json', delimiter: ';' },
    /is for csv alone/,
    `${S}.directory.delimiter`,
  ],
  [
    `${S}.directory`,
    ldap({ url: 'https://ldap' }),
    /such as ldaps:\/\/ldap\.example\.com/,
    `${S}.directory.url`,
  ],
  [
    `${S}.directory`,
    ldap({ url: 'ldap://u:p@h' }),
    /they have settings of their own, bindDn/,
    `${S}.directory.url`,
  ],
  [`${S}.directory`, ldap({ url: 'ldap://h/dc=x' }), /the base goes into baseDn/, `${S}.directory.url`],
  [`${S}.directory`, ldap({ baseDn: undefined }), /is required: the DN below which/, `${S}.directory.baseDn`],
  [
    `${S}.directory`,
    ldap({ bindDn: 'cn=a' }),
    /is required: the password of bindDn/,
    `${S}.directory.bindPasswordFile`,
  ],
  [
    `${S}.directory`,
    ldap({ bindPassword: 'a' }),
    /is required: whose password this is/,
    `${S}.directory.bindDn`,
  ],
  [`${S}.directory`, ldap({ filter: '(a=b' }), /balanced parentheses/, `${S}.directory.filter`],
  [`${S}.directory`, ldap({ filter: '(a=b)(c=d)' }), /balanced parentheses/, `${S}.directory.filter`],
  [`${S}.directory`, ldap({ startTls: true }), /is for ldap:\/\/ alone/, `${S}.directory.startTls`],
  [`${S}.directory`, ldap({ ca: '/nowhere.pem' }), /names a file that does not exist/, `${S}.directory.ca`],
  [`${S}.directory`, ldap({ pageSize: 0 }), /a whole number from 1 to 10000/, `${S}.directory.pageSize`],
  [
    `${S}.directory`,
    ldap({ multi: ['member of'] }),
    /must be the name of an attribute/,
    `${S}.directory.multi[0]`,
  ],

  [`${S}.users`, undefined, /is required: how a record becomes a person/],
  [`${S}.users.id`, undefined, /is required: the directory's id/],
  [`${S}.users.username`, 'email', /did you mean userName\?/],
  [`${S}.users.where`, null, /is empty: .*or remove the line/],
  [`${S}.users.active`, 'a'.repeat(2001), /longer than 2000 characters/],
  [`${S}.users.attributes.omni_role`, 'role', /starts with omni_/],
  [`${S}.users.attributes.region`, ['office'], /must be .*a section with value and keep.*not a list/],
  [
    `${S}.users.attributes.region`,
    { value: 'office', kep: true },
    /did you mean keep\?/,
    `${S}.users.attributes.region.kep`,
  ],
  [
    `${S}.users.attributes.region`,
    { keep: true },
    /is required: the value of the attribute/,
    `${S}.users.attributes.region.value`,
  ],

  [`${S}.omni.url`, 'acme.omniapp.co', /must be a URL that starts with https:\/\//],
  [`${S}.omni.url`, 'http://acme.omniapp.co', /must start with https:\/\/, for plain http/],
  [`${S}.omni.url`, 'https://me:pw@acme.omniapp.co', /holds a user or a password/],
  [`${S}.omni.url`, 'https://acme.omniapp.co/dashboards/1', /has a path that is no part/],
  [`${S}.omni.apiKey`, undefined, /is required: an organization API key/],
  [`${S}.omni.apiKey`, 'changeme', /is a placeholder/],
  [`${S}.omni.apiKey`, 'two words', /holds a blank/],
  [`${S}.omni.apiKey`, 12345678, /must be a text .*put it in quotes/],
  [`${S}.omni.apiKeyFile`, file, /stands beside apiKey/],
  [`${S}.omni.apikey`, 'x', /did you mean apiKey\?/],
  [
    `${S}.omni`,
    { url: 'https://a.co', apiKeys: ['k1-0', 'k1-0'] },
    /is the same key/,
    `${S}.omni.apiKeys[1]`,
  ],
  [
    `${S}.omni`,
    { url: 'https://a.co', apiKeys: [{ file: '/nowhere' }] },
    /does not exist/,
    `${S}.omni.apiKeys[0].file`,
  ],
  [`${S}.omni`, { url: 'https://a.co', apiKeys: [7] }, /a text, or \{file: path\}/, `${S}.omni.apiKeys[0]`],
  [`${S}.omni.requestsPerMinute`, 0, /a whole number from 1 to 6000/],
  [`${S}.omni.requestsPerMinute`, 1.5, /a whole number from 1 to 6000/],
  [`${S}.omni.timeout`, 30, /must be a duration such as 30s.*not a number/],
  [`${S}.omni.timeout`, '30', /a number with its unit/],
  [`${S}.omni.timeout`, '2h', /must be from 1s to 10m/],
  [`${S}.omni.proxy`, 'socks5://proxy', /such as http:\/\/proxy\.example\.com:3128/],

  [`${S}.policy`, undefined, /is required.*no default.*create \(.*upsert \(.*full \(/],
  [`${S}.policy`, 'upsrt', /did you mean upsert\?/],
  [`${S}.adopt`, 'sometimes', /one of always .*never .*ask/],
  [`${S}.drift`, 'repare', /did you mean repair\?|must be one of report, repair, ignore/],
  [`${S}.drift`, { displyName: 'repair' }, /did you mean displayName\?/, `${S}.drift.displyName`],
  [`${S}.drift`, { active: 'fix' }, /one of report .*repair .*ignore/, `${S}.drift.active`],

  [`${S}.leavers.action`, 'suspend', /one of deactivate .*delete/],
  [`${S}.leavers.grace`, 'a week', /must be a duration/],
  [`${S}.leavers.grace`, { mising: '7d' }, /did you mean missing\?/, `${S}.leavers.grace.mising`],
  [`${S}.leavers.grace`, { missing: '30m1h' }, /a number with its unit/, `${S}.leavers.grace.missing`],
  [`${S}.leavers.limit`, '60%', /at most 50%/],
  [`${S}.leavers.limit`, -1, /a whole number of people/],
  [`${S}.leavers.protect`, 'ceo@acme.com', /must be a list/],
  [`${S}.leavers.before`, 'http://hooks.example.com/x', /must start with https/],
  [`${S}.leavers.before`, 'rm -rf $HOME; true', /no shell reads a command/],
];

describe('a wrong configuration', () => {
  it.each(WRONG.map(([path, value, words, at = path]) => ({ path, value, words, at })))(
    'is refused alone at $path = $value',
    ({ path, value, words, at }) => {
      const { faults, kind, message } = refusal(spoilt(path, value));
      expect(kind).toBe('config');
      expect(faults).toEqual([{ path: at, line: expect.any(Number), message: expect.stringMatching(words) }]);
      expect(faults[0]?.line).toBeGreaterThan(0);
      expect(message).toContain(`${at}: ${faults[0]?.message}`);
    },
  );

  it('is not what the table starts from', () => {
    expect(load(right()).syncs[0]?.name).toBe('acme');
    expect(load(spoilt(`${S}.directory`, LDAP)).syncs[0]?.directory.type).toBe('ldap');
  });
});
