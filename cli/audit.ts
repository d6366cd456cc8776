/** `omni-sync audit`: what was done, by whom and why; `omni-sync audit verify`: whether the record is whole. */
import type { HostVerdict } from '../ledger/audit-check.ts';
import type { AuditEntry } from '../model/audit.ts';
import { SyncError } from '../model/errors.ts';
import { addressKey } from '../model/person.ts';
import type { Daemon, Sync } from '../worker/compose.ts';
import { verifyAudit } from '../worker/open-audit.ts';
import { type CommonOptions, type Context, eachSync, withDaemon } from './context.ts';
import { EXIT } from './exit.ts';
import { count, printJson, say, table } from './print.ts';

export interface AuditOptions extends CommonOptions {
  readonly json?: boolean;
  readonly person?: string;
  readonly since?: string;
}

const DAY_MS = 24 * 3600 * 1000;
const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: DAY_MS, w: 7 * DAY_MS };

/** Shows the record, of a week where neither person nor time is named; or checks it. @throws SyncError `config`. */
export async function audit(options: AuditOptions, [what]: readonly string[]): Promise<number> {
  if (what !== undefined && what !== 'verify')
    throw new SyncError('config', 'cli.audit', `audit knows nothing called ${what}; it knows verify`);
  const since = sinceOf(options, Date.now());
  if (what === undefined) return withDaemon(options, 'error', (daemon) => show(daemon, options, since));
  const alone = { ...options, withoutSyncs: true };
  return withDaemon(alone, 'error', (daemon, context) => verify(daemon, options, context));
}

/** @throws SyncError `config` for what is no time. */
function sinceOf({ since, person }: AuditOptions, now: number): number | undefined {
  if (since === undefined) return person === undefined ? now - 7 * DAY_MS : undefined;
  const [, number, unit] = /^(\d+)([mhdw])$/.exec(since) ?? [];
  const at = number === undefined ? Date.parse(since) : now - Number(number) * (UNITS[unit ?? ''] ?? 0);
  if (!Number.isNaN(at)) return at;
  throw new SyncError(
    'config',
    'cli.since',
    '--since takes a duration such as 12h or 7d, or a date such as 2026-01-31',
  );
}

async function show(daemon: Daemon, options: AuditOptions, since: number | undefined): Promise<number> {
  const syncs = await eachSync(daemon, async (sync) => {
    const entries = await entriesOf(sync, options.person, since);
    return { name: sync.name, entries };
  });
  if (options.json === true) printJson({ syncs });
  else for (const { name, entries } of syncs) for (const line of linesOf(entries)) say(`${name}: ${line}`);
  return EXIT.inStep;
}

async function entriesOf({ ledger }: Sync, person: string | undefined, since: number | undefined) {
  const query = since === undefined ? {} : { since };
  if (person === undefined) return ledger.audit.read(query);
  const { ref } = await ledger.begin();
  return ledger.audit.read({ ...query, sourceIds: [person, ...(await sourceIdsOf(person, ledger, ref))] });
}

/** The ids of the people who are linked under an address or a ref. */
async function sourceIdsOf(
  person: string,
  ledger: Sync['ledger'],
  ref: (sourceId: string) => string,
): Promise<string[]> {
  const key = addressKey(person);
  const ids: string[] = [];
  for await (const page of ledger.links.stored()) {
    for (const { link } of page) {
      if (ref(link.sourceId) === person || addressKey(link.userName) === key) ids.push(link.sourceId);
    }
  }
  return ids;
}

function linesOf(entries: readonly AuditEntry[]): string[] {
  if (entries.length === 0) return ['the audit record has nothing of this'];
  const rows = entries.map((entry) => [
    entry.at,
    entry.call === undefined ? entry.did : `${entry.did} ${entry.call}`,
    entry.sourceId ?? (entry.people ?? []).join(', '),
    entry.omniId ?? '',
    (entry.fields ?? []).join(', '),
    entry.outcome ?? '',
    [entry.who, entry.cause, entry.note].filter((word) => word !== undefined).join(', '),
  ]);
  return table(['at', 'did', 'sourceId', 'omniId', 'fields', 'outcome', 'by, why'], rows);
}

async function verify({ redis }: Daemon, options: AuditOptions, { config }: Context): Promise<number> {
  const { hosts, elsewhere } = await verifyAudit(config, redis);
  const whole = hosts.every(({ faults }) => faults.length === 0);
  if (options.json === true) printJson({ whole, hosts, elsewhere });
  else {
    for (const host of hosts) for (const line of verdictLines(host)) say(`${host.host}: ${line}`);
    if (hosts.length === 0) say('there is no audit record here yet');
    if (elsewhere > 0) say(`${count(elsewhere, 'record lies', 'records lie')} on other hosts: verify there`);
  }
  return whole ? EXIT.inStep : EXIT.notInStep;
}

function verdictLines({ files, records, unsigned, faults }: HostVerdict): string[] {
  const verdict = faults.length === 0 ? 'whole' : count(faults.length, 'fault', 'faults');
  const keyless = unsigned > 0 ? `, ${unsigned} of them without a key` : '';
  const size = `${count(records, 'record', 'records')}${keyless}, in ${count(files, 'file', 'files')}`;
  const found = faults.map(({ kind, where, message }) => [kind, where, message].filter(Boolean).join(': '));
  return [`${verdict}; ${size}`, ...found];
}
