/** Who was changed in Omni by hand, as the pages show it: fields, never values. Pure. */
import type { DriftedField, DriftList } from '../drift-view.ts';
import { allows } from '../tokens.ts';
import { type Html, html } from './html.ts';
import { act, more, peopleTable, personLink, SHOWN, type Wants } from './wants.ts';
import { people, time } from './words.ts';

/** Everyone whose account differs, with a way to set one person back. */
export function driftPart({ people: drifted, lastPass }: DriftList, { name, scope }: Wants): Html {
  if (drifted.length === 0) return html``;
  const rows = drifted
    .slice(0, SHOWN)
    .map(
      ({ sourceId, userName, fields }) =>
        html`<tr><td>${personLink(name, sourceId)}</td><td>${userName}</td><td>${driftText(fields)}</td><td>${allows(scope, 'operate') ? act(`/api/syncs/${name}/resync`, { user: sourceId, full: true }, 'Set back', 'quiet') : ''}</td></tr>`,
    );
  return html`<details><summary>${people(drifted.length)} changed in Omni by hand</summary>
<p>Omni was last compared ${time(lastPass?.finishedAt)}. An account that somebody deactivated comes back only where <code>drift</code> says so.</p>
${peopleTable(['id', 'address', 'fields', 'then'], rows)}${more(drifted.length)}</details>`;
}

/** The fields, each with what is done about it. */
export function driftText(fields: readonly DriftedField[]): Html {
  return html`${fields.map(
    ({ field, mode, since, handed }, i) =>
      html`${i > 0 ? ', ' : ''}<code>${field}</code> (${handed ? 'about to be set back' : mode === 'repair' ? 'to be set back' : 'reported alone'}, found ${time(since)})`,
  )}`;
}
