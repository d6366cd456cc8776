/**
 * `npm run demo`: the main job on real parts. People of a CSV file become people in a sandbox Omni, through `omni-sync`
 * as it is built and a private Redis; then the sandbox is asked what it saw. Leaves nothing behind; exit 1 where anything differs.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expectedPeople, inScope } from './people.mjs';
import { omniSync, startSandbox } from './programs.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ATTRIBUTES = ['region', 'department', 'level:Number'];
const REQUESTS_PER_MINUTE = 3000;
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
  const stage = { folder, sandbox, file: join(folder, 'people.csv') };
  say(
    'People of demo/people.csv become people in Omni. All of it happens on this machine: the Omni is a sandbox,',
  );
  say(
    `strict about every request and about ${REQUESTS_PER_MINUTE} of them a minute; the Redis is a private one.`,
  );

  const first = await run('1. The first run. Nobody is in Omni yet.', stage);
  const found = await checkFirst(first, stage);
  const second = await run('2. The same again. Everybody is in step.', stage);
  const person = await promoteSomebody(stage.file);
  const third = await run(`3. Once more, after ${person} has changed offices in the file.`, stage);
  const { problems, people } = await check(stage);

  say();
  say('What the sandbox says');
  say(`  ${people} people, all with the right name and attributes, none twice`);
  say(`  first run   ${counted(first)} (1 list page, ${found.creates} creates) in ${seconds(first)}`);
  say(`  second run  ${counted(second)} in ${seconds(second)}`);
  say(`  third run   ${counted(third)} in ${seconds(third)}`);
  say(
    `At the ${OMNI_LIMIT} requests a minute that Omni itself allows, the first run takes ${Math.ceil(first.calls.length / OMNI_LIMIT)} minutes.`,
  );
  return [
    ...[first, second, third].flatMap(({ status }, i) => differs(`exit status of run ${i + 1}`, 0, status)),
    ...found.problems,
    ...differs('calls of the second run', 0, second.calls.length),
    ...differs(
      'calls of the third run',
      'PATCH 200',
      third.calls.map(({ method, status }) => `${method} ${status}`).join(', '),
    ),
    ...problems,
  ];
}

/** One `omni-sync run`, shown, with what the sandbox saw of it. */
async function run(title, { folder, sandbox }) {
  say();
  say(title);
  await sandbox.forgetCalls();
  const env = { OMNI_URL: sandbox.url, OMNI_API_KEY: sandbox.key };
  const args = ['run', '--config', join(folder, 'omni-sync.yaml')];
  say(`$ omni-sync run --config demo/omni-sync.yaml`);
  const began = performance.now();
  const status = await omniSync(args, env);
  return { status, tookMs: performance.now() - began, calls: await sandbox.calls() };
}

/** One list page, one POST for each person, and nothing else. */
async function checkFirst({ calls }, { file }) {
  const wanted = inScope(await readFile(file, 'utf8'));
  const creates = calls.filter(({ method, status }) => method === 'POST' && status === 201);
  const pages = calls.filter(({ method }) => method === 'GET');
  const posted = new Set(creates.map(({ userName }) => userName));
  return {
    creates: creates.length,
    problems: [
      ...differs('creates', wanted.length, creates.length),
      ...differs('people created', wanted.length, posted.size),
      ...differs('list pages', 1, pages.length),
      ...differs('calls of the first run', wanted.length + 1, calls.length),
    ],
  };
}

/** Everyone in scope, by the file as it is now, against everyone in the sandbox. */
async function check({ file, sandbox }) {
  const wanted = expectedPeople(await readFile(file, 'utf8'));
  const { users, deleted } = await sandbox.state();
  const held = new Map(users.map((user) => [user.userName, user]));
  const problems = [
    ...differs('people in the sandbox', wanted.length, users.length),
    ...differs('people deleted', 0, deleted.length),
  ];
  for (const { userName, displayName, attributes } of wanted) {
    const user = held.get(userName);
    if (user === undefined) {
      problems.push(`${userName} is not in the sandbox`);
      continue;
    }
    problems.push(...differs(`name of ${userName}`, displayName, user.displayName));
    problems.push(...differs(`state of ${userName}`, true, user.active));
    for (const [name, value] of Object.entries(attributes))
      problems.push(...differs(`${name} of ${userName}`, String(value), String(user.attributes[name])));
  }
  return { problems, people: users.length };
}

/** Gives the first person in scope another office, in the copy of the file. Returns their id. */
async function promoteSomebody(file) {
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

const counted = ({ calls }) => `${calls.length} ${calls.length === 1 ? 'call' : 'calls'}`;
const seconds = ({ tookMs }) => `${(tookMs / 1000).toFixed(1)} s`;

const problems = await main();
for (const problem of problems) process.stderr.write(`demo: ${problem}\n`);
say(problems.length === 0 ? 'The demo went as it should.' : 'The demo failed.');
process.exitCode = problems.length === 0 ? 0 : 1;
