/**
 * `npm run demo`: the main job on real parts. People of a CSV file become people in a sandbox Omni, through `omni-sync`
 * as it is built and a private Redis; then the sandbox is asked what it saw. Leaves nothing behind; exit 1 where anything differs.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expectedPeople, inScope } from './people.mjs';
import { omniSync, omniSyncOutput, startSandbox } from './programs.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ATTRIBUTES = ['region', 'department', 'level:Number'];
const REQUESTS_PER_MINUTE = 3000;
const LIST_PAGE_AND_DEFINITIONS = 2;
const OMNI_LIMIT = 60;

const say = (line = '') => process.stdout.write(`${line}\n`);

async function main() {
  const folder = await mkdtemp(join(tmpdir(), 'omni-sync-demo-'));
  const sandbox = await startSandbox({ attributes: ATTRIBUTES, requestsPerMinute: REQUESTS_PER_MINUTE });
  try {
    for (const name of ['omni-sync.yaml', 'people.csv']) await cp(join(HERE, name), join(folder, name));
    return await demonstrate({ folder, sandbox });
  } finally {
    await sandbox.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The three runs. Returns what differs from what was expected, as lines. */
async function demonstrate({ folder, sandbox }) {
  const file = join(folder, 'people.csv');
  const env = { OMNI_URL: sandbox.url, OMNI_API_KEY: sandbox.key };
  const stage = { sandbox, file, env, config: join(folder, 'omni-sync.yaml') };
  say(
    'People of demo/people.csv become people in Omni. All of it happens on this machine: the Omni is a sandbox,',
  );
  say(
    `strict about every request and about ${REQUESTS_PER_MINUTE} of them a minute; the Redis is a private one.`,
  );

  const first = await run('1. The first run. Nobody is in Omni yet.', stage);
  const told = await status(stage);
  say();
  say('   Who was rejected, and why:');
  await omniSync(['failed', ...at(stage)], env);
  const second = await run('2. The same again. Everybody is in step.', stage);
  const moved = await moveSomebody(file);
  const third = await run(`3. Once more: ${moved} has moved to another office since.`, stage);
  const { users, deleted } = await sandbox.state();

  const problems = [
    ...differs('exit statuses', '0 0 0', [first, second, third].map((one) => one.status).join(' ')),
    ...firstRunProblems(first.calls, told, inScope(await readFile(file, 'utf8')).length),
    ...differs('calls of the second run', 0, second.calls.length),
    ...differs('calls of the third run', 'PATCH 200', namesOf(third.calls)),
    ...differs('people deleted', 0, deleted.length),
    ...peopleProblems(expectedPeople(await readFile(file, 'utf8')), users),
  ];
  sum({
    runs: [first, second, third],
    people: users.length,
    creates: first.calls.length - LIST_PAGE_AND_DEFINITIONS,
    problems,
  });
  return problems;
}

/** What it all came to, in the sandbox's own numbers. */
function sum({ runs: [first, second, third], people, creates, problems }) {
  say();
  say('What the sandbox saw:');
  if (problems.length === 0) say(`  ${people} people, each with the right name and attributes, none twice`);
  say(
    `  first run   ${counted(first)} in ${seconds(first)}: 1 list page, the attribute definitions, ${creates} creates`,
  );
  say(`  second run  ${counted(second)} in ${seconds(second)}`);
  say(`  third run   ${counted(third)} in ${seconds(third)}`);
  const minutes = Math.ceil(first.calls.length / OMNI_LIMIT);
  say(
    `At the ${OMNI_LIMIT} requests a minute that Omni itself allows, the first run takes ${minutes} minutes.`,
  );
}

const at = ({ config }) => ['--config', config];

/** One `omni-sync run`, shown, with what the sandbox saw of it. */
async function run(title, stage) {
  say();
  say(title);
  await stage.sandbox.forgetCalls();
  const began = performance.now();
  const exit = await omniSync(['run', ...at(stage)], stage.env);
  return { status: exit, tookMs: performance.now() - began, calls: await stage.sandbox.calls() };
}

/** What omni-sync itself says of its last run. */
async function status(stage) {
  const { syncs } = JSON.parse(await omniSyncOutput(['status', '--json', ...at(stage)], stage.env));
  return syncs[0];
}

/** One list page, the attribute definitions, one POST for each person, nothing else; and omni-sync's own counts are the sandbox's. */
function firstRunProblems(calls, told, people) {
  const creates = calls.filter((call) => call.method === 'POST' && call.status === 201);
  return [
    ...differs('creates', people, creates.length),
    ...differs('people created', people, new Set(creates.map(({ userName }) => userName)).size),
    ...differs('reads', LIST_PAGE_AND_DEFINITIONS, calls.filter(({ method }) => method === 'GET').length),
    ...differs('calls of the first run', people + LIST_PAGE_AND_DEFINITIONS, calls.length),
    ...differs('calls that omni-sync counted', calls.length, told.run.calls),
    ...differs('people that omni-sync has in step', people, told.inStep),
  ];
}

/** Everyone in scope against everyone in the sandbox. */
function peopleProblems(wanted, users) {
  const held = new Map(users.map((user) => [user.userName, user]));
  return [
    ...differs('people in the sandbox', wanted.length, users.length),
    ...wanted.flatMap((person) => personProblems(person, held.get(person.userName))),
  ];
}

function personProblems({ userName, displayName, attributes }, user) {
  if (user === undefined) return [`${userName} is not in the sandbox`];
  return [
    ...differs(`name of ${userName}`, displayName, user.displayName),
    ...differs(`state of ${userName}`, true, user.active),
    ...Object.entries(attributes).flatMap(([name, value]) =>
      differs(`${name} of ${userName}`, String(value), String(user.attributes[name])),
    ),
  ];
}

/** Gives the first person in scope another office, in the copy of the file. Returns their id. */
async function moveSomebody(file) {
  const text = await readFile(file, 'utf8');
  const [person] = inScope(text);
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${person.employee_id},`));
  const moved = line.replace(`,${person.office},`, ',Reykjavík,');
  await writeFile(file, text.replace(line, moved));
  return person.employee_id;
}

function differs(what, expected, found) {
  return expected === found ? [] : [`${what}: expected ${expected}, found ${found}`];
}

const namesOf = (calls) => calls.map((call) => `${call.method} ${call.status}`).join(', ');
const counted = ({ calls }) => `${calls.length} ${calls.length === 1 ? 'call' : 'calls'}`;
const seconds = ({ tookMs }) => `${(tookMs / 1000).toFixed(1)} s`;

const problems = await main();
for (const problem of problems) process.stderr.write(`demo: ${problem}\n`);
say(problems.length === 0 ? 'The demo went as it should.' : 'The demo failed.');
process.exitCode = problems.length === 0 ? 0 : 1;
