import { expect, it } from 'vitest';
import { csvField, csvLine } from '../../../src/files/csv';

it('quotes what needs it', () => {
  expect(csvLine(['a', 'b,c', 'say "x"', undefined, null, true])).toBe('a,"b,c","say ""x""",,,true\n');
});

it.each(['=1+1', '+cmd', '-2+3', '@SUM(A1)', '\t=1', ' =1', '−=', "=HYPERLINK('x')"])(
  'a spreadsheet does not compute %j',
  (text) => {
    const field = csvField(text);
    expect(field.startsWith("'")).toBe(text !== '−=');
    expect(field.endsWith(text)).toBe(true);
  },
);

it('text that begins with a line break is text', () => {
  expect(csvField('\r=1')).toBe('"\'\r=1"');
});

it.each([-1.5, -1e-7, NaN, -Infinity, '-1.5', '+3', '-.5e-3', '-12.'])('%s stays a number', (value) => {
  expect(csvField(value)).toBe(String(value));
});
