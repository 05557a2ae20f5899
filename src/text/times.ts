import { significant } from './numbers';

/** 75 → "1m 15s", 3900 → "1h 5m", 97200 → "1d 3h"; "?" where it is not known. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  const whole = Math.max(0, Math.round(seconds));
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  if (days > 0) return `${days}d ${hours}h`;
  if (hours > 0) return `${hours}h ${minutes}m`;
  return minutes > 0 ? `${minutes}m ${whole % 60}s` : `${whole}s`;
}

/** A time that may be short, as that of a step: 0.5312 → "0.53 s"; from two minutes on as {@link formatDuration}. */
export function formatSeconds(seconds: number): string {
  return seconds < 120 ? `${significant(seconds, 2)} s` : formatDuration(seconds);
}

/** Day and minute as people here write them: "Nov 30, 2026, 1:05 AM"; undefined for text that is no time. */
export function formatTime(time: string | Date): string | undefined {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return undefined;
  return date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

/** The same in little room, without the year: "Nov 30, 01:05". */
export function formatShortTime(time: string | Date): string {
  return new Date(time).toLocaleString('en-US', {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    // Not hour12: its midnight is 24:00.
    hourCycle: 'h23',
  });
}
