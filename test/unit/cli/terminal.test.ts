import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { keepPrintable } from '../../../src/cli/terminal';
import { ProgressBar } from '../../../src/text/progressBar';

function terminal(): { stream: NodeJS.WriteStream; text(): string } {
  const stream = new PassThrough() as unknown as NodeJS.WriteStream & { read(): Buffer | null };
  keepPrintable(stream);
  return { stream, text: () => stream.read()?.toString() ?? '' };
}

it('a terminal obeys nothing that a name says', () => {
  const { stream, text } = terminal();
  stream.write('run: \u001b]0;owned\u0007\u001b[2Jx\r\n');
  expect(text()).toBe('run: \\u001b]0;owned\\u0007\\u001b[2Jx\\u000d\n');
});

it('the progress bar still draws over its line, but not what it shows', () => {
  const { stream, text } = terminal();
  stream.isTTY = true;
  const bar = new ProgressBar('a\u001b[31m', 2, 0, stream);
  bar.update(1);
  expect(text()).toMatch(/^\r\x1b\[2Ka\\u001b\[31m █/);
});

it('bytes pass as they are', () => {
  const { stream, text } = terminal();
  stream.write(Buffer.from('\u001b'));
  expect(text()).toBe('\u001b');
});
