// Counts results of tests, whichever program ran them, and puts the counts into words.

/**
 * @typedef {object} Result
 * @property {string} file path from the project's root
 * @property {string} test groups and test joined with " > "
 * @property {'passed' | 'failed' | 'skipped'} state
 * @property {string} [reason] why it was skipped
 * @property {number} [ms]
 */

/**
 * Counts results. A skip without a reason is a failure; a failure of a quarantined test is counted apart.
 *
 * @param {Result[]} results
 * @param {{ file: string, test: string, reason: string }[]} quarantine
 * @param {{ whole?: boolean }} options `whole`: every test ran, so that a quarantined test that is not among them is gone
 */
export function tally(results, quarantine, { whole = false } = {}) {
  const counts = { passed: 0, failed: 0, skipped: new Map(), quarantined: [], problems: [] };
  const isOf = (result) => (entry) => entry.file === result.file && entry.test === result.test;
  for (const result of results) {
    const name = `${result.file}: ${result.test}`;
    const entry = quarantine.find(isOf(result));
    if (result.state === 'skipped' && result.reason) {
      counts.skipped.set(result.reason, (counts.skipped.get(result.reason) ?? 0) + 1);
    } else if (result.state === 'skipped') {
      counts.failed += 1;
      counts.problems.push(`${name} was skipped without a reason (test/support/needs.ts gives one)`);
    } else if (entry && result.state === 'failed') {
      counts.quarantined.push(`${name} failed; quarantined: ${entry.reason}`);
    } else counts[result.state] += 1;
  }
  for (const entry of whole ? quarantine : []) {
    if (results.some((result) => isOf(result)(entry))) continue;
    counts.failed += 1;
    counts.problems.push(`${entry.file}: ${entry.test} is quarantined, but there is no such test`);
  }
  return counts;
}

/** The closing lines; the last is the counts of passed and failed alone. */
export function closingLines({ passed, failed, skipped, quarantined, problems }) {
  const total = [...skipped.values()].reduce((sum, count) => sum + count, 0);
  return [
    ...problems.map((text) => `FAILED: ${text}`),
    ...(total > 0 ? [`${total} skipped:`] : ['0 skipped']),
    ...[...skipped].map(([reason, count]) => `  ${count}: ${reason}`),
    ...(quarantined.length > 0 ? [`${quarantined.length} quarantined:`] : ['0 quarantined']),
    ...quarantined.map((text) => `  ${text}`),
    `${passed} passed, ${failed} failed`,
  ];
}

/** The files that took longest, with their slowest test. */
export function slowest(results, count) {
  const files = new Map();
  for (const result of results) files.set(result.file, [...(files.get(result.file) ?? []), result]);
  const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
  return [...files]
    .map(([file, tests]) => ({
      file,
      ms: tests.reduce((sum, { ms = 0 }) => sum + ms, 0),
      worst: tests.reduce((a, b) => ((b.ms ?? 0) > (a.ms ?? 0) ? b : a)),
    }))
    .sort((a, b) => b.ms - a.ms)
    .slice(0, count)
    .map(({ file, ms, worst }) => `${seconds(ms)} ${file}, of these ${seconds(worst.ms ?? 0)}: ${worst.test}`);
}
