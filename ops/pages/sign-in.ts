/** The page that a browser gets instead of an error: to sign in, or to be told what is wrong. */
import type { HttpProblem } from '../problem.ts';
import { html } from './html.ts';
import { document } from './layout.ts';

/** The error as a page: for who is not signed in, the form. */
export function problemPage(problem: HttpProblem): string {
  if (problem.status === 401) return signInPage();
  const { title, detail } = {
    title: problem.more.detail === undefined ? problem.message : '',
    ...problem.more,
  };
  const body = html`<h1>${problem.status}</h1><p>${detail ?? title}</p><p><a href="/">To the status</a></p>`;
  return document({ title: String(problem.status), body });
}

function signInPage(): string {
  const body = html`<section class="card narrow">
<h1>Sign in</h1>
<p>With a token of <code>server.tokens</code>; where none is configured, with the one in the file <code>server-token</code> of the data folder.</p>
<form data-post="/session" data-then="reload">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Sign in</button>
</form>
</section>`;
  return document({ title: 'Sign in', body });
}
