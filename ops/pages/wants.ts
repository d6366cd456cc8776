/** What a sync needs its operator for: held removals and changes, people set aside, rejected records. Pure. */
import { recordName } from '../../model/change.ts';
import type { FailedView, LeaversView } from '../operations.ts';
import { allows, type Scope } from '../tokens.ts';
import { type Html, html } from './html.ts';
import { CAUSES, time } from './words.ts';

/** Rows that a page shows of a long list; the commands show all. */
export const SHOWN = 200;

/** Whose they are, and what who looks may do. */
export interface Wants {
  readonly name: string;
  readonly scope: Scope;
}

/** Who is about to be taken away: those held with a choice, the others as they stand. */
export function leaversPart(view: LeaversView, { name, scope }: Wants): Html {
  const held = view.leavers
    .filter(({ stage }) => stage === 'held')
    .sort((a, b) => a.due - b.due || (a.sourceId < b.sourceId ? -1 : 1));
  const others = view.leavers.filter(({ stage }) => stage !== 'held');
  if (view.leavers.length === 0) return html``;
  const reasons = [...new Set(held.flatMap(({ reason }) => reason ?? []))];
  const rows = held.slice(0, SHOWN).map(
    (
      one,
    ) => html`<tr><td>${checkbox(one.ref, one.userName)}</td><td>${personLink(name, one.sourceId)}</td><td>${one.userName}</td>
<td>${CAUSES[one.cause]}</td><td>${time(one.since)}</td><td>${time(one.due)}</td></tr>`,
  );
  return html`<h3>Leavers</h3>
${
  held.length === 0
    ? ''
    : html`<p><strong>${held.length} held:</strong> ${reasons.join('; ')}</p>
<form data-post="/api/syncs/${name}/approve" data-digest="${view.digest}" data-people>
${peopleTable(['', 'id', 'address', 'why', 'since', 'not before'], rows)}${more(held.length)}
${allows(scope, 'approve') ? html`<button name="some">Approve the chosen</button> <button name="all" class="danger" data-confirm="Approve all ${held.length}? Taking an account away cannot be undone in Omni.">Approve all ${held.length}</button>` : ''}
${allows(scope, 'operate') ? html`<button name="some" class="quiet" data-post="/api/syncs/${name}/keep">Keep the chosen</button>` : ''}
</form>`
}
${
  others.length === 0
    ? ''
    : html`<details><summary>${others.length} in their grace, approved or going</summary>
${peopleTable(
  ['id', 'address', 'why', 'stage', 'not before'],
  others
    .slice(0, SHOWN)
    .map(
      (one) =>
        html`<tr><td>${personLink(name, one.sourceId)}</td><td>${one.userName}</td><td>${CAUSES[one.cause]}</td><td>${one.stage}</td><td>${time(one.due)}</td></tr>`,
    ),
)}${more(others.length)}</details>`
}`;
}

/** Accounts to adopt and links to move that wait for a word. */
export function changesPart({ changes, changesDigest }: LeaversView, { name, scope }: Wants): Html {
  const open = changes.filter(({ answer }) => answer === undefined);
  if (open.length === 0) return html``;
  const rows = open
    .slice(0, SHOWN)
    .map(
      (one) =>
        html`<tr><td>${checkbox(one.ref, one.userName)}</td><td>${personLink(name, one.sourceId)}</td><td>${one.userName}</td><td>${one.what}</td><td><code>${one.omniId}</code></td></tr>`,
    );
  return html`<h3>Held changes</h3>
<form data-post="/api/syncs/${name}/approve" data-digest="${changesDigest}" data-people>
${peopleTable(['', 'id', 'address', 'change', 'account'], rows)}${more(open.length)}
${allows(scope, 'approve') ? html`<button name="some">Approve the chosen</button> <button name="all" data-confirm="Approve all ${open.length}?">Approve all ${open.length}</button>` : ''}
</form>`;
}

/** People set aside with the request and the answer that failed, and rejected records. */
export function failedPart({ failed, rejected }: FailedView, { name, scope }: Wants): Html {
  const rows = failed.slice(0, SHOWN).map(
    ({
      ref,
      sourceId,
      at,
      code,
      message,
      request,
      until,
    }) => html`<tr><td>${personLink(name, sourceId)}</td><td>${time(at)}</td>
<td><code>${code}</code><br>${message}${request === undefined ? '' : html`<br><code>${request.method} ${request.path}${request.status === undefined ? '' : ` → ${request.status}`}</code> ${request.answer ?? ''}`}</td>
<td>${UNTIL[until]}${until !== 'time' && allows(scope, 'operate') ? html` ${act(`/api/syncs/${name}/retry`, { people: [ref] }, 'Retry')}` : ''}</td></tr>`,
  );
  return html`${
    failed.length === 0
      ? ''
      : html`<h3>Set aside</h3>
${peopleTable(['id', 'when', 'why', 'then'], rows)}${more(failed.length)}
${allows(scope, 'operate') ? act(`/api/syncs/${name}/retry`, {}, 'Retry all') : ''}`
  }
${
  rejected.length === 0
    ? ''
    : html`<details><summary>${rejected.length} rejected ${rejected.length === 1 ? 'record' : 'records'}</summary>
${peopleTable(
  ['record', 'why'],
  rejected.slice(0, SHOWN).map((one) => html`<tr><td>${recordName(one)}</td><td>${one.reason}</td></tr>`),
)}${more(rejected.length)}</details>`
}`;
}

const UNTIL = {
  time: 'tried again soon',
  reconcile: 'tried again at the next run',
  change: 'until a change or a retry',
} as const;

/** A form of one button that posts a body. */
export function act(path: string, body: object, label: string, tone = ''): Html {
  return html`<form class="inline" data-post="${path}" data-body="${JSON.stringify(body)}"><button class="${tone}">${label}</button></form>`;
}

/** The page of a person. */
export function personLink(name: string, person: string): Html {
  return html`<a href="/people?sync=${encodeURIComponent(name)}&amp;person=${encodeURIComponent(person)}">${person}</a>`;
}

function checkbox(ref: string, label: string): Html {
  return html`<input type="checkbox" name="person" value="${ref}" aria-label="Choose ${label}">`;
}

/** One row a person. */
export function peopleTable(head: readonly string[], rows: readonly Html[]): Html {
  const cells = head.map((name) => (name === '' ? html`<td></td>` : html`<th scope="col">${name}</th>`));
  return html`<div class="wide"><table><thead><tr>${cells}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

/** What a cut list says at its end. */
export function more(count: number): Html {
  return count <= SHOWN ? html`` : html`<p>and ${count - SHOWN} more: the commands show all of them.</p>`;
}
