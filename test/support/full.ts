import process from 'node:process';

/** The long form of tests that have one: `npm run test:full`. */
export const FULL = process.env.VOCO_FULL === '1';

/** What a test takes much of: in its long form, else in the form that every run of the tests has time for. */
export const longForm = (short: number, long: number): number => (FULL ? long : short);
