/**
 * `node scripts/closing-line.mjs RESULTS [STAGE…]`: the last line of a CI run, from the JSON that vitest wrote and the names of
 * the stages that failed. A stage counts as one failure; that of the tests only where no test of it did. Exit 1 where anything failed.
 */
import { readFileSync } from 'node:fs';

const [file = '', ...stages] = process.argv.slice(2);
const { passed, failed, skipped } = testCounts(file);
const others = stages.filter((stage) => stage !== 'tests').length;
const silent = failed === 0 && stages.includes('tests') ? 1 : 0;
const all = failed + others + silent;
process.stdout.write(`${passed} passed, ${all} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
process.exitCode = all === 0 ? 0 : 1;

/** Nothing passed and one failed where vitest wrote nothing that can be read, or ran nothing. */
function testCounts(path) {
  try {
    const results = JSON.parse(readFileSync(path, 'utf8'));
    if (results.numTotalTests > 0)
      return {
        passed: results.numPassedTests,
        failed: results.numFailedTests,
        skipped: results.numPendingTests + results.numTodoTests,
      };
  } catch {
    // Said by the line itself: a run that passed has results.
  }
  return { passed: 0, failed: 1, skipped: 0 };
}
