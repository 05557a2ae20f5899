// The parts of docs/benchmarks.md that are measured, and where they stand in the page.

/** What is run for each part, and the smaller form of it. The most important come first. */
export const PARTS = {
  step: ['bench/run.mjs step --rounds 2', 'bench/run.mjs step --rounds 1 --runs 1 --feature-size 12'],
  inference: ['bench/run.mjs inference --rounds 2', 'bench/run.mjs inference --rounds 1 --runs 1 --feature-size 12 --size 64'],
  bf16: ['bench/run.mjs step --rounds 1 --precision bf16', 'bench/run.mjs step --rounds 1 --runs 1 --feature-size 12 --precision bf16'],
  growth: ['bench/growth.mjs --runs 1', 'bench/growth.mjs --quick --runs 1'],
  conv: ['dist/voco.cjs bench conv --device onednn', 'dist/voco.cjs bench conv --device onednn --feature-size 12 --size 16 --runs 1'],
  devices: ['dist/voco.cjs devices', 'dist/voco.cjs devices'],
  data: ['dist/voco.cjs bench data', 'dist/voco.cjs bench data --cases 1 --volume 64,64,32 --runs 1'],
  curves: ['bench/curves.mjs', 'bench/curves.mjs 2 1000'],
  panel: ['bench/panel.mjs', 'bench/panel.mjs 2 1000'],
  viewer: ['bench/viewer.mjs 3 --alone', 'bench/viewer.mjs 1 64,64,32 --alone'],
  preview: ['bench/preview.mjs 2', 'bench/preview.mjs 1 64,64,64'],
}; // prettier-ignore

/** The page with what stands between the marks of a part replaced by `block`. @throws Error when the page has no such marks */
export function replacePart(text, name, block) {
  const [start, end] = [`<!-- measured: ${name} -->`, '<!-- end -->'];
  const from = text.indexOf(start);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`the page has no place for ${name}: add ${start} and ${end}`);
  return `${text.slice(0, from + start.length)}\n\n${block}\n\n${text.slice(to)}`;
}
