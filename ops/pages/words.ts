/** Times, spans and counts as the pages say them. Pure. */
import { type Html, html } from './html.ts';

/** A time with its machine form; the browser's own words for it come from page.js. */
export function time(at: string | number | null | undefined): Html {
  if (at === null || at === undefined) return html`<span>unknown</span>`;
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace('T', ' ')} UTC</time>`;
}

/** `40 s`, `12 min`, `3 h 20 min`. */
export function span(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `1 person`, `2 people`. */
export function people(count: number): string {
  return count === 1 ? '1 person' : `${count.toLocaleString('en')} people`;
}

/** Why somebody is not wanted. */
export const CAUSES: Readonly<Record<string, string>> = {
  missing: 'gone from the directory',
  inactive: 'inactive in the directory',
  outOfScope: 'out of scope',
};
