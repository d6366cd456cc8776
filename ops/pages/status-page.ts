/** The status page: one look tells how every sync stands, what it does, when it is done, and what needs the operator. */
import type { Caller } from '../door.ts';
import type { DriftList } from '../drift-view.ts';
import type { FailedView, LeaversView, Operations } from '../operations.ts';
import type { RunView, SyncView } from '../status.ts';
import { allows } from '../tokens.ts';
import { runsChart } from './chart.ts';
import { driftPart } from './drift-part.ts';
import { type Html, html } from './html.ts';
import { document } from './layout.ts';
import { standingOf } from './standing.ts';
import { act, changesPart, failedPart, leaversPart } from './wants.ts';
import { time } from './words.ts';

const RUNS = 30;

/** What the page shows of one sync. */
interface Look {
  readonly status: SyncView;
  readonly leavers: LeaversView;
  readonly failed: FailedView;
  readonly drift: DriftList;
  readonly runs: readonly RunView[];
}

/** The page as it is now. */
export async function statusPage(syncs: readonly Operations[], caller: Caller): Promise<string> {
  const parts = await liveParts(syncs, caller);
  const cards = syncs.map(({ name }) => cardOf(name, parts, caller));
  return document({ title: 'Status', body: html`<h1>Status</h1>${cards}`, caller, live: true });
}

/** The live parts of all syncs, as this caller may see them. */
export async function liveParts(syncs: readonly Operations[], caller: Caller): Promise<Record<string, Html>> {
  const looks = await Promise.all(syncs.map(lookAt));
  return Object.fromEntries(looks.flatMap((look) => partsOf(look, caller)));
}

async function lookAt(sync: Operations): Promise<Look> {
  const [status, leavers, failed, drift, runs] = await Promise.all([
    sync.status(),
    sync.leavers(),
    sync.failed(),
    sync.drift(),
    sync.runs(RUNS),
  ]);
  return { status, leavers, failed, drift, runs };
}

function partsOf({ status, leavers, failed, drift, runs }: Look, { scope }: Caller): [string, Html][] {
  const { name } = status;
  const about = { name, scope };
  return [
    [`standing-${name}`, standingPart(status, leavers)],
    [`numbers-${name}`, numbersPart(status, leavers, failed)],
    [`flow-${name}`, flowPart(status, scope)],
    [`leavers-${name}`, leaversPart(leavers, about)],
    [`changes-${name}`, changesPart(leavers, about)],
    [`failed-${name}`, failedPart(failed, about)],
    [`drift-${name}`, driftPart(drift, about)],
    [`runs-${name}`, runsChart(name, runs)],
  ];
}

function standingPart(status: SyncView, leavers: LeaversView): Html {
  const { tone, word, sentence } = standingOf(status, leavers);
  return html`<strong class="badge ${tone}">${word}</strong> ${sentence}`;
}

function numbersPart(status: SyncView, { held, changes }: LeaversView, { rejected }: FailedView): Html {
  const asking = changes.filter(({ answer }) => answer === undefined).length;
  const numbers: [string, Html | number][] = [
    ['in step', status.inStep],
    ['waiting', status.waiting],
    ['failed', status.failed],
    ['held', held + asking],
    ['rejected', rejected.length],
    ['changed by hand', status.drift.people],
    ['last run', time(status.run?.finishedAt ?? status.run?.startedAt)],
    ['next run', time(status.nextRun)],
    ['requests a minute', status.requestsPerMinute],
  ];
  return html`<dl>${numbers.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function flowPart({ name, paused, halted, unreachable }: SyncView, scope: Caller['scope']): Html {
  if (!allows(scope, 'operate')) return html``;
  const stopped = paused || halted || unreachable;
  return html`${act(`/api/syncs/${name}/resync`, {}, 'Resync now')}
${act(`/api/syncs/${name}/resync`, { full: true }, 'Resync in full', 'quiet')}
${stopped ? act(`/api/syncs/${name}/resume`, {}, 'Resume') : act(`/api/syncs/${name}/pause`, {}, 'Pause', 'quiet')}`;
}

function cardOf(name: string, parts: Readonly<Record<string, Html>>, { scope }: Caller): Html {
  const part = (kind: string) =>
    html`<div id="${kind}-${name}" class="${kind}">${parts[`${kind}-${name}`]}</div>`;
  return html`<section class="card" aria-labelledby="title-${name}">
<h2 id="title-${name}">${name}</h2>
${part('standing')}${part('numbers')}${part('flow')}
<form class="find" action="/people" method="get">
<input type="hidden" name="sync" value="${name}">
<label for="person-${name}">A person, by id, address or ref</label>
<input id="person-${name}" name="person" required>
<button>Explain</button>
${allows(scope, 'operate') ? html`<button class="quiet" data-post="/api/syncs/${name}/resync" data-user>Resync this person</button>` : ''}
</form>
${part('leavers')}${part('changes')}${part('failed')}${part('drift')}
<h3>Last runs</h3>${part('runs')}
</section>`;
}
