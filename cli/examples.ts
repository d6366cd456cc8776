/** What `omni-sync VERB --help` shows at its end: commands as people use them. */
import type { Command } from 'commander';

const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  init: ['omni-sync init', 'omni-sync init --config /etc/omni-sync/omni-sync.yaml'],
  start: ['omni-sync start', 'omni-sync start --role worker   # workers alone, for scaling out'],
  run: ['omni-sync run', 'omni-sync run --sync acme --json'],
  plan: ['omni-sync plan', 'omni-sync plan --exit-code || echo "there are changes"'],
  status: ['omni-sync status', 'omni-sync status --json'],
  check: ['omni-sync check', 'omni-sync check --sync acme'],
  failed: ['omni-sync failed', 'omni-sync failed --json'],
  drift: ['omni-sync drift', 'omni-sync drift --sync acme --json'],
  retry: ['omni-sync retry jo@acme.com H1002', 'omni-sync retry --all'],
  pause: ['omni-sync pause --sync acme'],
  resume: ['omni-sync resume --sync acme'],
  leavers: ['omni-sync leavers', 'omni-sync leavers --sync acme --json'],
  approve: [
    'omni-sync approve --all --digest Zm9vYmFyYmF6',
    'omni-sync approve jo@acme.com H1002 --digest Zm9vYmFyYmF6',
  ],
  keep: ['omni-sync keep jo@acme.com'],
  audit: [
    'omni-sync audit --person jo@acme.com',
    'omni-sync audit --since 24h --json',
    'omni-sync audit verify',
  ],
  links: [
    'omni-sync links export --out links.ndjson',
    'omni-sync links import links.ndjson --dry-run',
    'omni-sync links import links.ndjson',
  ],
  resync: ['omni-sync resync --wait', 'omni-sync resync --user jo@acme.com --wait'],
  explain: ['omni-sync explain jo@acme.com', 'omni-sync explain H1002 --json'],
  sandbox: [
    'omni-sync sandbox --port 8080 --requests-per-minute 600',
    'omni-sync sandbox --attribute region',
  ],
};

/** Adds them to the verbs that have some. */
export function addExamples(program: Command): void {
  for (const verb of program.commands) {
    const lines = EXAMPLES[verb.name()]?.map((line) => `  ${line}`);
    if (lines !== undefined) verb.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
  }
}
