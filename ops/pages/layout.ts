/** What every page has in common: the head, the line above, and the place where acts tell what came of them. */
import type { Caller } from '../door.ts';
import { type Html, html } from './html.ts';

export interface Page {
  readonly title: string;
  readonly body: Html;
  /** Absent: nobody has signed in. */
  readonly caller?: Caller | undefined;
  /** The page follows what happens. */
  readonly live?: boolean;
}

/** The whole document. */
export function document({ title, body, caller, live = false }: Page): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Omni directory sync</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/page.css">
<script src="/assets/page.js" defer></script>
</head>
<body${live ? html` data-live` : ''}>
<a class="skip" href="#main">To the content</a>
<header>
<a class="brand" href="/">Omni directory sync</a>
${caller === undefined ? '' : top(caller)}
</header>
<p id="said" role="status" aria-live="polite"></p>
<main id="main" tabindex="-1">${body}</main>
</body>
</html>
`;
  return page.text;
}

function top({ name, scope, session }: Caller): Html {
  return html`<nav aria-label="Main">
<a href="/">Status</a>
<a href="/queues/">Queues</a>
<span class="who">${name} (${scope})</span>
${session === undefined ? '' : html`<form data-delete="/session" data-then="/"><button class="quiet">Sign out</button></form>`}
</nav>`;
}
