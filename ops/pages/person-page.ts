/** A person's page: the whole story of one, as `omni-sync explain` tells it. Personal by its nature; never stored by a browser. */
import type { FieldValue } from '../../model/person.ts';
import type { Clause, MappingStory } from '../../model/story.ts';
import type { Caller } from '../door.ts';
import type { AuditView, Explanation } from '../explanation.ts';
import { allows } from '../tokens.ts';
import { driftText } from './drift-part.ts';
import { type Html, html } from './html.ts';
import { document } from './layout.ts';
import { act } from './wants.ts';
import { CAUSES, time } from './words.ts';

/** The page. */
export function personPage(story: Explanation, caller: Caller): string {
  const { sync, sourceId, ref } = story;
  const body = html`<h1>${sourceId}</h1>
<p class="card"><strong>Next:</strong> ${story.next}</p>
<p>${allows(caller.scope, 'operate') ? actsOf(story) : ''}</p>
<dl><div><dt>sync</dt><dd>${sync}</dd></div><div><dt>ref</dt><dd><code>${ref}</code></dd></div></dl>
${section('Record', recordOf(story))}
${section('Scope and mapping', story.mapping === null ? html`<p>There is no one record to map.</p>` : mappingOf(story.mapping))}
${section('In Omni', accountOf(story))}
${section('Waiting', waitingOf(story))}
${section('History', auditOf(story.audit))}`;
  return document({ title: sourceId, body, caller });
}

function actsOf({ sync, ref, sourceId, leaver, setAside }: Explanation): Html {
  return html`${act(`/api/syncs/${sync}/resync`, { user: sourceId }, 'Resync this person')}
${setAside === null ? '' : act(`/api/syncs/${sync}/retry`, { people: [ref] }, 'Retry', 'quiet')}
${leaver === null ? '' : act(`/api/syncs/${sync}/keep`, { people: [ref] }, 'Keep', 'quiet')}`;
}

function section(title: string, body: Html): Html {
  return html`<section class="card"><h2>${title}</h2>${body}</section>`;
}

function recordOf({ record }: Explanation): Html {
  if (record.fields === null) return html`<p>${FOUND[record.found]} ${record.problem}</p>`;
  return pairs(
    Object.entries(record.fields).map(([name, value]) => [name, html`<code>${valueText(value)}</code>`]),
  );
}

const FOUND = {
  one: '',
  none: 'The directory has no such record now.',
  several: 'Several records share this id, and none is followed.',
  unread: 'The directory could not be asked.',
} as const;

function mappingOf(mapping: MappingStory): Html {
  const { verdict, rejection, where, active, fields } = mapping;
  return html`<p><strong>${VERDICTS[verdict]}</strong> ${rejection?.reason}${mapping.protected ? ' Protected: never taken away, never changed.' : ''}</p>
${where === null ? '' : html`<h3>users.where</h3><ul class="clauses">${clauseOf(where)}</ul>`}
${active === null ? '' : html`<h3>users.active</h3><ul class="clauses">${clauseOf(active)}</ul>`}
<div class="wide"><table><thead><tr><th scope="col">field</th><th scope="col">expression</th><th scope="col">value</th></tr></thead><tbody>
${fields.map(({ field, source, value, refusal }) => html`<tr><td>${field}</td><td><code>${source}</code></td><td>${refusal ?? html`<code>${valueText(value)}</code>`}</td></tr>`)}
</tbody></table></div>`;
}

const VERDICTS = {
  inScope: 'In scope and active.',
  outOfScope: 'Out of scope.',
  inactive: 'Inactive.',
  rejected: 'Rejected.',
} as const;

function clauseOf({ source, value, refusal, parts, joinedBy }: Clause): Html {
  const tone = value === true ? 'yes' : 'no';
  return html`<li><span class="${tone}">${refusal === undefined ? valueText(value) : 'refused'}</span> <code>${source}</code> ${refusal}
${parts.length === 0 ? '' : html`<ul aria-label="parts, joined by ${joinedBy}">${parts.map(clauseOf)}</ul>`}</li>`;
}

function accountOf({ link, change, drift }: Explanation): Html {
  const planned =
    change === null || change.kind === 'none'
      ? 'nothing differs'
      : `${change.kind}: ${change.fields.join(', ')} ${change.reason ?? ''}`;
  if (link === null) return html`<p>No account is known. The record as it is: ${planned}.</p>`;
  return pairs([
    ['account', html`<code>${link.omniId}</code>`],
    ['userName', html`${link.userName}`],
    ['state', html`${link.state}${link.protected ? ', protected' : ''}`],
    ['provenance', html`${link.provenance}, since ${time(link.since)}`],
    ['record against it', html`${planned}`],
    ['changed in Omni by hand', drift === null ? html`nothing that is known` : driftText(drift)],
  ]);
}

function waitingOf({ waiting, leaver, setAside, jobs, kept }: Explanation): Html {
  const rows: [string, Html][] = [];
  if (waiting !== null)
    rows.push(['in the outbox', html`${waiting.kind}, of the run <code>${waiting.run}</code>`]);
  for (const job of jobs)
    rows.push([
      'job',
      html`${job.kind}: ${job.state}${job.ahead === null ? '' : `, ${job.ahead} before it`}, ${job.attempts} tries`,
    ]);
  if (leaver !== null)
    rows.push([
      'leaver',
      html`${CAUSES[leaver.cause]} since ${time(leaver.since)}: ${leaver.stage}, not before ${time(leaver.due)}. ${leaver.reason}`,
    ]);
  if (kept) rows.push(['kept', html`An operator keeps them from being taken away.`]);
  if (setAside !== null)
    rows.push(['set aside', html`<code>${setAside.code}</code> ${setAside.message}${requestOf(setAside)}`]);
  return rows.length === 0 ? html`<p>Nothing waits.</p>` : pairs(rows);
}

function requestOf({ request }: NonNullable<Explanation['setAside']>): Html {
  if (request === undefined) return html``;
  const { method, path, status, answer } = request;
  return html`<br><code>${method} ${path}${status === undefined ? '' : ` → ${status}`}</code> ${answer}`;
}

function auditOf(audit: readonly AuditView[]): Html {
  if (audit.length === 0) return html`<p>Nothing is recorded.</p>`;
  const rows = audit.map(
    ({ at, did, call, fields, outcome, run, ...why }) =>
      html`<tr><td>${time(at)}</td><td>${did} ${call}</td><td>${fields.join(', ')}</td><td>${outcome}</td><td>${reasonsOf(why)}</td><td><code>${run}</code></td></tr>`,
  );
  return html`<div class="wide"><table><thead><tr><th scope="col">when</th><th scope="col">what</th><th scope="col">fields</th><th scope="col">outcome</th><th scope="col">why</th><th scope="col">run</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function reasonsOf({ who, cause, note }: Pick<AuditView, 'who' | 'cause' | 'note'>): string {
  return [who, cause, note].filter((word) => word !== undefined).join(', ');
}

function pairs(rows: readonly (readonly [string, Html])[]): Html {
  return html`<dl class="pairs">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function valueText(value: FieldValue): string {
  return JSON.stringify(value);
}
