// What the pages do in the browser: posting forms as JSON, following the stream of changes, times in the reader's own words.
const said = document.getElementById('said');

/** @param {string} text */
function say(text) {
  if (said) said.textContent = text;
}

function csrf() {
  return /(?:^|; )XSRF-TOKEN=([^;]*)/.exec(document.cookie)?.[1] ?? '';
}

/** @param {string} method @param {string} path @param {unknown} body */
async function send(method, path, body) {
  const headers = {
    'x-xsrf-token': csrf(),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const answer = await fetch(path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const told = text === '' ? {} : JSON.parse(text);
  if (!answer.ok) throw new Error(told.detail ?? `${answer.status}`);
  return told;
}

/** What a form, and the button that was pressed, mean to send. */
function bodyOf(form, button) {
  if (button?.dataset.user !== undefined) return { user: form.elements.person.value };
  if (form.dataset.body !== undefined) return JSON.parse(form.dataset.body);
  if (form.dataset.people === undefined) return Object.fromEntries(new FormData(form));
  const chosen = [...form.querySelectorAll('input[name=person]:checked')].map((box) => box.value);
  const people = button?.name === 'all' ? {} : { people: chosen };
  const isKeep = button?.dataset.post !== undefined;
  return isKeep ? people : { digest: form.dataset.digest, ...people };
}

async function follow(path) {
  for (;;) {
    const { state, run, person } = await send('GET', path);
    if (state === 'done')
      return person === null
        ? `done: ${run?.applied ?? 0} applied so far`
        : `${person.sourceId ?? ''} ${person.kind ?? ''} ${person.reason ?? ''}`.trim();
    say(state === 'running' ? 'Under way …' : 'Waiting …');
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
}

/** Where a form, or the button that was pressed, is sent; nothing for one that the browser sends by itself. */
function targetOf(form, button) {
  return button?.dataset.post ?? form.dataset.post ?? form.dataset.delete;
}

async function tell(form, path, told) {
  if (form.dataset.then === 'reload') return location.reload();
  if (form.dataset.then !== undefined) return location.assign(form.dataset.then);
  for (const box of form.querySelectorAll('input:checked')) box.checked = false;
  if (told.ask === undefined) return say(told.done === undefined ? 'Done.' : `Done for ${told.done.length}.`);
  say(await follow(path.replace(/resync$/, `asks/${told.ask}`)));
}

document.addEventListener('submit', async (event) => {
  const form = event.target;
  const button = event.submitter;
  const path = targetOf(form, button);
  if (path === undefined) return;
  event.preventDefault();
  if (button?.dataset.confirm !== undefined && !window.confirm(button.dataset.confirm)) return;
  const isDelete = form.dataset.delete !== undefined;
  const body = isDelete ? undefined : bodyOf(form, button);
  if (button?.name === 'some' && body.people.length === 0) return say('Choose somebody first.');
  say('…');
  if (button) button.disabled = true;
  try {
    await tell(form, path, await send(isDelete ? 'DELETE' : 'POST', path, body));
  } catch (error) {
    say(error.message);
  } finally {
    if (button) button.disabled = false;
  }
});

/** Puts a changed part in place, unless somebody is at work in it: it comes with the next change then. */
const waiting = new Map();
function show(id, text) {
  const place = document.getElementById(id);
  if (place === null) return;
  const busy = place.querySelector('input:checked') !== null || place.contains(document.activeElement);
  if (busy) return void waiting.set(id, text);
  waiting.delete(id);
  const open = [...place.querySelectorAll('details')].map((one) => one.open);
  place.innerHTML = text;
  place.querySelectorAll('details').forEach((one, i) => {
    one.open = open[i] ?? false;
  });
  localTimes(place);
}

function localTimes(place) {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  for (const time of place.querySelectorAll('time'))
    time.textContent = format.format(new Date(time.dateTime));
}

localTimes(document);
if (document.body.dataset.live !== undefined) {
  const events = new EventSource('/events');
  events.addEventListener('parts', ({ data }) => {
    for (const [id, text] of Object.entries(JSON.parse(data))) show(id, text);
  });
  events.addEventListener('away', () => say('Redis does not answer; what is shown may be out of date.'));
  setInterval(() => {
    for (const [id, text] of [...waiting]) show(id, text);
  }, 2000);
}
