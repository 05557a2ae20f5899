// A `voco` that does nothing: it writes down how it was called and answers as `answers.json` beside it says, by command, and by `COMMAND --set` where settings are given.
async function main(args) {
  const { appendFileSync, existsSync, readFileSync } = await import('node:fs');
  const { join } = await import('node:path');
  const file = join(__dirname, 'answers.json');
  const answers = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const changed = args.includes('--set') ? answers[`${args[0]} --set`] : undefined;
  const { output = '', messages = '', code = 0, hangs = false } = changed ?? answers[args[0]] ?? {};
  process.stdout.write(output);
  process.stderr.write(messages);
  appendFileSync(join(__dirname, 'calls.jsonl'), `${JSON.stringify(args)}\n`);
  process.exitCode = code;
  if (hangs) setInterval(() => undefined, 1000);
}

void main(process.argv.slice(2));
