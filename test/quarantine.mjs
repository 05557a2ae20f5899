// Tests that fail now and then without the code being wrong. They run, and their failure is told, but does not fail the run.
// Each has a reason and is to be mended: an empty list is how it should be. A name that no test has fails a whole run.

/** @type {{ file: string, test: string, reason: string }[]} `test` as the report names it: groups and test joined with " > " */
export const quarantine = [];
