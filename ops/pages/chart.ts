/** The last runs as a small bar chart, with the same as a table for who cannot see it. Pure. */
import type { RunView } from '../status.ts';
import { type Html, html } from './html.ts';
import { time } from './words.ts';

const HEIGHT = 60;
const WIDTH = 10;
const GAP = 2;

/** Oldest on the left; each bar is what was applied, and on top what failed. */
export function runsChart(name: string, runs: readonly RunView[]): Html {
  if (runs.length === 0) return html`<p>No run yet.</p>`;
  const oldest = [...runs].reverse();
  const most = Math.max(1, ...oldest.map(({ applied, failed }) => applied + failed));
  const bars = oldest.map((run, i) => bar(run, { x: i * (WIDTH + GAP), most }));
  const width = oldest.length * (WIDTH + GAP);
  return html`<svg class="chart" viewBox="0 0 ${width} ${HEIGHT + 4}" width="${width}" height="${HEIGHT + 4}" role="img" aria-label="Changes applied and failed in the last ${runs.length} runs of ${name}">${bars}</svg>
<details><summary>The last runs as a table</summary>${runsTable(runs)}</details>`;
}

function bar(run: RunView, { x, most }: { readonly x: number; readonly most: number }): Html {
  const applied = Math.round((run.applied / most) * HEIGHT);
  const failed = Math.round((run.failed / most) * HEIGHT);
  const base = run.ended ? 'ground' : 'ground broken';
  return html`<g><title>${run.startedAt.slice(0, 16)}: ${run.applied} applied, ${run.failed} failed${run.ended ? '' : ', broken off'}</title>
<rect class="${base}" x="${x}" y="${HEIGHT}" width="${WIDTH}" height="3"></rect>
<rect class="applied" x="${x}" y="${HEIGHT - applied}" width="${WIDTH}" height="${applied}"></rect>
<rect class="failed" x="${x}" y="${HEIGHT - applied - failed}" width="${WIDTH}" height="${failed}"></rect></g>`;
}

function runsTable(runs: readonly RunView[]): Html {
  const rows = runs.map(
    (run) => html`<tr><td>${time(run.startedAt)}</td><td>${run.kind === 'full' ? 'everybody' : 'changes'}</td>
<td class="number">${run.read}</td><td class="number">${run.applied}</td><td class="number">${run.failed}</td><td class="number">${run.calls}</td>
<td>${outcome(run)}</td></tr>`,
  );
  return html`<div class="wide"><table><thead><tr><th scope="col">began</th><th scope="col">read</th><th scope="col">records</th><th scope="col">applied</th>
<th scope="col">failed</th><th scope="col">requests</th><th scope="col">end</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function outcome({ finishedAt, ended, complete, problem }: RunView): string {
  if (finishedAt === null) return 'running';
  if (!ended) return `broken off: ${problem ?? ''}`;
  return complete ? 'complete' : (problem ?? 'not complete');
}
