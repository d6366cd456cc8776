#!/usr/bin/env node
/** The program `omni-sync`: one verb, one file; this one only names them. */
import { readFileSync } from 'node:fs';
import { Argument, Command, CommanderError, Option } from 'commander';
import { addCompletion } from './completion.ts';
import { dashedRefsApart } from './dashed-refs.ts';
import { addExamples } from './examples.ts';
import { EXIT, exitWith } from './exit.ts';

const collect = (value: string, earlier: string[] | undefined) => [...(earlier ?? []), value];

/** package.json stands beside the built program's folder. */
function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { version?: unknown }).version);
}

// A full disk under it, or a reader that is gone, stops nothing but the telling.
process.stderr.on('error', () => undefined);

const program = new Command('omni-sync')
  .description("Keeps the people of an Omni instance in step with a company's directory.")
  .version(packageVersion())
  .exitOverride()
  .configureHelp({ showGlobalOptions: true })
  .showHelpAfterError('(`omni-sync help` lists the verbs)');

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** A verb that works on the configuration. */
function verb(name: string, summary: string): Command {
  return program
    .command(name)
    .description(summary)
    .option('--config <file>', 'the configuration; else OMNI_SYNC_CONFIG, else config/omni-sync.yaml')
    .addOption(new Option('--log-level <level>', 'what the log on standard error holds').choices(LEVELS));
}

/** Runs a verb, loaded when it is wanted; its number is the exit status. */
function does<Options>(load: () => Promise<(options: Options, words: string[]) => Promise<number>>) {
  return async (...args: unknown[]) => {
    const command = args.at(-1) as Command;
    process.exitCode = await load()
      .then((work) => work(command.opts() as Options, command.args))
      .catch(exitWith);
  };
}

const REBIND = [
  '--rebind',
  'accept that the ledger remembers another Omni, directory or id expression',
] as const;
const JSON_OUT = ['--json', 'one JSON document on standard output'] as const;

verb('init', 'ask what is needed, write a configuration, check it').action(
  does(async () => (await import('./init.ts')).init),
);

verb('start', 'the service: schedule, reconciles, workers, HTTP interface')
  .option('--role <roles>', 'some of scheduler, worker, server, with commas (all)')
  .option(...REBIND)
  .action(does(async () => (await import('./start.ts')).start));

verb('run', 'one reconcile, and wait until all of it is in Omni')
  .option('--sync <name>', 'only this sync')
  .option(
    '--plan <file>',
    'carry out what `plan --out` has written, and nothing else; a running service goes on beside it',
  )
  .option(...JSON_OUT)
  .option(...REBIND)
  .action(does(async () => (await import('./run.ts')).run));

verb('plan', 'what a run would do, person by person; writes nothing to Omni')
  .option('--sync <name>', 'only this sync')
  .option(...JSON_OUT)
  .option('--old', 'read what Omni holds of the fields that would change: a request for each such person')
  .option('--out <file>', 'keep the plan in a file, for `run --plan`; it holds names and addresses')
  .option('--exit-code', 'exit with 3 where there is something to do')
  .action(does(async () => (await import('./plan.ts')).plan));

verb('status', 'last and next run, in step, waiting, failed')
  .option('--sync <name>', 'only this sync')
  .option(...JSON_OUT)
  .action(does(async () => (await import('./status.ts')).status));

verb('check', 'configuration, Redis, directory, key, attributes: each passes or says how to mend it')
  .option('--sync <name>', 'only this sync')
  .option(...JSON_OUT)
  .action(does(async () => (await import('./check.ts')).check));

verb('failed', 'who is stuck and why, and which records are rejected')
  .option('--sync <name>', 'only this sync')
  .option(...JSON_OUT)
  .action(does(async () => (await import('./failed.ts')).failed));

verb('drift', 'what somebody changed in Omni by hand, and when Omni was last compared')
  .option('--sync <name>', 'only this sync')
  .option(...JSON_OUT)
  .action(does(async () => (await import('./drift.ts')).drift));

verb('retry', 'try people again who are set aside')
  .argument('[person...]', 'a sourceId, an address or a ref')
  .option('--sync <name>', 'only this sync')
  .option('--all', 'everyone who is set aside')
  .action(does(async () => (await import('./retry.ts')).retry));

verb('resync', 'ask the running service for a reconcile, or for one person ahead of the backlog')
  .option('--sync <name>', 'only this sync')
  .option('--user <person>', 'one person alone: a sourceId, an address or a ref')
  .option(
    '--full',
    'distrust what is remembered, and read accounts back from Omni: it says how many requests and minutes',
  )
  .option('--wait', 'show progress, and exit by what comes of it')
  .action(does(async () => (await import('./resync.ts')).resync));

verb(
  'explain',
  "one person's whole story: record, scope, mapping, account, jobs, what was done, what is next",
)
  .argument('<person>', 'a sourceId, an address or a ref')
  .option('--sync <name>', 'only this sync')
  .option(...JSON_OUT)
  .action(does(async () => (await import('./explain.ts')).explain));

verb('pause', 'send nothing to Omni until `resume`; nothing is lost')
  .option('--sync <name>', 'only this sync')
  .action(does(async () => (await import('./pause.ts')).pause));

verb('resume', 'go on after a pause, or after Omni refused the key')
  .option('--sync <name>', 'only this sync')
  .action(does(async () => (await import('./pause.ts')).resume));

verb('leavers', 'who is about to be taken away, when and why, and what else waits for a word')
  .option('--sync <name>', 'only this sync')
  .option(...JSON_OUT)
  .action(does(async () => (await import('./leavers.ts')).leavers));

verb(
  'approve',
  'let pass what is held, exactly what `leavers` showed: leavers, accounts to adopt, links to move',
)
  .argument('[person...]', 'a sourceId, an address or a ref')
  .requiredOption('--digest <digest>', 'the digest that `leavers` showed')
  .option('--sync <name>', 'only this sync')
  .option('--all', 'everyone who is held')
  .action(does(async () => (await import('./approve.ts')).approve));

verb('keep', 'leave people’s accounts as they are: not taken away, not adopted')
  .argument('<person...>', 'a sourceId, an address or a ref')
  .option('--undo', 'take that back')
  .option('--sync <name>', 'only this sync')
  .action(does(async () => (await import('./keep.ts')).keep));

verb('audit', 'what was done to Omni and by operators; `audit verify`: whether the record is whole')
  .argument('[verify]', 'checks the record of this host: altered, missing, reordered or cut')
  .option('--sync <name>', 'only this sync')
  .option('--person <person>', 'one person alone: a sourceId, an address or a ref')
  .option('--since <time>', 'a duration or a date (7d, or everything of one person)')
  .option(...JSON_OUT)
  .action(does(async () => (await import('./audit.ts')).audit));

verb('links', 'what is remembered of people, to carry over to another Redis')
  .addArgument(new Argument('<what>', 'to a file, or from one').choices(['export', 'import']))
  .argument('[file]', 'of an import: what `links export` has written')
  .option('--sync <name>', 'this sync; needed where there are several')
  .option('--out <file>', 'of an export: a file instead of standard output; it holds addresses')
  .option('--dry-run', 'of an import: say what it would do, and write nothing')
  .option('--rebind', 'of an import: accept links that were made under another directory or id expression')
  .option(...JSON_OUT)
  .action(does(async () => (await import('./links.ts')).links));

program
  .command('sandbox')
  .description('an Omni to rehearse on, in memory, on loopback')
  .option('--port <number>', 'where it listens; 0 for any', '8080')
  .option('--requests-per-minute <number>', 'for each key (60)')
  .option('--key <key>', 'an organization API key; may be given again (omni-sandbox-key)', collect)
  .option('--attribute <name[:Number]>', 'a user attribute that it knows; may be given again', collect)
  .option('--set <name=value>', 'any other setting of docs/sandbox.md; may be given again', collect)
  .action(does(async () => (await import('./sandbox.ts')).sandbox));

addCompletion(program);
addExamples(program);

try {
  await program.parseAsync(dashedRefsApart(process.argv.slice(2), program), { from: 'user' });
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
  else process.exitCode = exitWith(error);
}
