/** Numbers, times and words as people read them. Without dependencies: pages import it too. */
export { formatBytes, formatCount, formatPercent, formatSize, formatValue, significant } from './numbers';
export { printable, printableLine, withoutIcons, withoutLinks } from './printable';
export { formatDuration, formatSeconds, formatShortTime, formatTime } from './times';
export { activityText, counted, listOf, plural, valueText } from './words';
export { escapeXml } from './xml';
