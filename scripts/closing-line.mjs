/**
 * `node scripts/closing-line.mjs STAGE=RESULTS… -- [STAGE…]`: the last line of a CI run, from the JSON that vitest wrote in some
 * stages and the names of the stages that failed. A stage counts as one failure, or as the tests of it that failed. Exit 1
 * where anything failed.
 */
import { readFileSync } from 'node:fs';

const given = process.argv.slice(2);
const [results, failedStages] = [given.slice(0, given.indexOf('--')), given.slice(given.indexOf('--') + 1)];
const counts = new Map(
  results.map((each) => each.split('=')).map(([stage, file]) => [stage, testCounts(file)]),
);
const sum = (what) => [...counts.values()].reduce((all, each) => all + each[what], 0);
const silent = failedStages.filter((stage) => (counts.get(stage)?.failed ?? 0) === 0).length;
const [passed, failed, skipped] = [sum('passed'), sum('failed') + silent, sum('skipped')];
process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
process.exitCode = failed === 0 ? 0 : 1;

/** Nothing passed and one failed where vitest wrote nothing that can be read, or ran nothing. */
function testCounts(path) {
  try {
    const read = JSON.parse(readFileSync(path, 'utf8'));
    if (read.numTotalTests > 0)
      return {
        passed: read.numPassedTests,
        failed: read.numFailedTests,
        skipped: read.numPendingTests + read.numTodoTests,
      };
  } catch {
    // Said by the line itself: a run that passed has results.
  }
  return { passed: 0, failed: 1, skipped: 0 };
}
