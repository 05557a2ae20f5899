import { expect, it } from 'vitest';
import { cellText } from '../../../../webview/runs/cells';

it.each<[number, string]>([
  [0.456, '0.4560'],
  [0.45548, '0.4555'],
  [12.5, '12.5000'],
  [0.000031, '3.10e-5'],
  [12345.67, '12346'],
  [40, '40'],
])('a measured %d is written as %s', (value, text) => {
  expect(cellText(value, { kind: 'number', group: 'metric' })).toBe(text);
});

it('writes a parameter as it stands in the config', () => {
  expect(cellText(0.0003, { kind: 'number', group: 'parameter' })).toBe('0.0003');
  expect(cellText(0.5, { kind: 'number', group: 'parameter' })).toBe('0.5');
});

it('writes durations, and nothing where a run has no value', () => {
  expect(cellText(95.4, { kind: 'duration', group: 'run' })).toBe('1m 35s');
  expect(cellText(null, { kind: 'number', group: 'result' })).toBe('');
});
