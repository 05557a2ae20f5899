import { describe, expect, it } from 'vitest';
import {
  counted,
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  formatSeconds,
  formatShortTime,
  formatSize,
  formatTime,
  formatValue,
  listOf,
  plural,
  printable,
  printableLine,
  significant,
  withoutIcons,
  withoutLinks,
} from '../../../src/text';

describe('numbers', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 KB'],
    [1536, '1.5 KB'],
    [999_960, '1 MB'],
    [57_000_000, '57 MB'],
    [123_400_000_000, '123 GB'],
    [3_140_000_000, '3.1 GB'],
    [2.5e18, '2500 PB'],
    [-1536, '-1.5 KB'],
    [NaN, 'not a number'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it('shows more digits of bytes where asked, but never fewer than a whole number has', () => {
    expect(formatBytes(3_141_592_653, 3)).toBe('3.14 GB');
    expect(formatBytes(314_159_265, 1)).toBe('314 MB');
  });

  it('sets thousands apart', () => {
    expect([0, 999, 20_000, 1_234_567.4].map(formatCount)).toEqual(['0', '999', '20,000', '1,234,567']);
  });

  it.each([
    [0, '0'],
    [0.123456, '0.1235'],
    [1500, '1500'],
    [0.000123456, '1.23e-4'],
    [2_500_000, '2.50e6'],
    [NaN, 'not a number'],
    [Infinity, '∞'],
    [-Infinity, '−∞'],
  ])('%d is %s in four digits', (value, text) => expect(formatValue(value, 4)).toBe(text));

  it('writes shares, sizes and significant digits', () => {
    expect([formatPercent(0.1234), formatPercent(0.1234, 1)]).toEqual(['12 %', '12.3 %']);
    expect(formatSize([64, 64, 32])).toBe('64×64×32');
    expect([significant(0.25, 4), significant(1234.5678, 6)]).toEqual(['0.25', '1234.57']);
  });
});

describe('times', () => {
  it.each([
    [0, '0s'],
    [59.6, '1m 0s'],
    [75, '1m 15s'],
    [3900, '1h 5m'],
    [97_200, '1d 3h'],
    [-3, '0s'],
    [Infinity, '?'],
    [NaN, '?'],
  ])('%d seconds are %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  it('shows fractions of a short time', () => {
    expect([0.5312, 45.2, 119.9, 120].map(formatSeconds)).toEqual(['0.53 s', '45 s', '120 s', '2m 0s']);
  });

  it('tells the time, and nothing of text that is none', () => {
    const date = new Date(2026, 10, 30, 13, 5);
    expect(formatTime(date)).toMatch(/2026/);
    expect(formatTime(date.toISOString())).toBe(formatTime(date));
    expect(formatTime('yesterday')).toBeUndefined();
    expect(formatShortTime(date)).toBe('Nov 30, 13:05');
    expect(formatShortTime(new Date(2026, 10, 30, 0, 5))).toBe('Nov 30, 00:05');
  });
});

describe('words', () => {
  it('counts things', () => {
    expect([0, 1, 2, 20_000].map((n) => counted(n, 'volume'))).toEqual([
      '0 volumes',
      '1 volume',
      '2 volumes',
      '20,000 volumes',
    ]);
    expect([1, 2].map((n) => plural(n, 'is', 'are'))).toEqual(['is', 'are']);
    expect(counted(2, 'axis', 'axes')).toBe('2 axes');
  });

  it('lists', () => {
    expect(listOf([], 'or')).toBe('');
    expect(listOf(['a'], 'or')).toBe('a');
    expect(listOf(['a', 'b'], 'and')).toBe('a and b');
    expect(listOf(['a', 'b', 'c'], 'or')).toBe('a, b or c');
  });
});

describe('text that others wrote', () => {
  it('loses what a terminal would obey, and nothing else', () => {
    expect(printable('a\u001b[2J\u009b31m\rb\u0007\u202etxt.exe')).toBe(
      String.raw`a\u001b[2J\u009b31m\u000db\u0007\u202etxt.exe`,
    );
    expect(printable('Größe 3×4\n\tλ 🧠')).toBe('Größe 3×4\n\tλ 🧠');
    expect(printableLine('one\nrun finished')).toBe('one run finished');
  });

  it('means the same in JSON', () => {
    const value = { name: 'a\u007f\u009b\u202eb' };
    expect(JSON.parse(printable(JSON.stringify(value)))).toEqual(value);
  });

  it('has neither links nor icons', () => {
    expect(withoutLinks('x [Resume](command:voco.resume?1) y')).toBe('x [Resume] (command:voco.resume?1) y');
    expect(withoutIcons('$(pass) done $5')).toBe('$ (pass) done $5');
  });
});
