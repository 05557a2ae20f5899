import { escapeXml } from '../text';
import { namedLabel, rgbOf, type NamedLabel } from './entry';

/** A table has no more entries than this. */
const MOST_LABELS = 65536;
/** The attributes of a label take fewer characters. */
const MOST_ATTRIBUTES = 1000;

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decoded(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w{1,8}));/g, (whole, decimal, hex, name) => {
    if (name) return ENTITIES[name as string] ?? whole;
    const code = decimal ? Number(decimal) : Number.parseInt(hex as string, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** The text of an element: what stands in CDATA sections as it is, the rest with its entities resolved. */
function textOf(content: string): string {
  let text = '';
  for (let at = 0; at < content.length;) {
    const start = content.indexOf('<![CDATA[', at);
    if (start < 0) return text + decoded(content.slice(at));
    const end = content.indexOf(']]>', start);
    if (end < 0) return text + decoded(content.slice(at, start));
    text += decoded(content.slice(at, start)) + content.slice(start + 9, end);
    at = end + 3;
  }
  return text;
}

const attribute = (text: string, name: string): number => {
  const found = new RegExp(`(?:^|\\s)${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(text);
  const value = found?.[1] ?? found?.[2] ?? '';
  return value.trim() === '' ? Number.NaN : Number(value);
};

/** A text that {@link caretLabels} reads back: names and colours of label values. */
export function caretTable(labels: readonly NamedLabel[]): string {
  const rows = labels.map(({ value, name, colour = '' }) => {
    const rgb = rgbOf(colour) ?? [255, 255, 255];
    const [red, green, blue] = rgb.map((part) => String(Number((part / 255).toFixed(6))));
    return `<Label Key="${value}" Red="${red}" Green="${green}" Blue="${blue}" Alpha="1">${escapeXml(name)}</Label>`;
  });
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n<CaretExtension><VolumeInformation Index="0"><LabelTable>\n' +
    `${rows.join('\n')}\n</LabelTable><VolumeType><![CDATA[Label]]></VolumeType></VolumeInformation></CaretExtension>\n`
  );
}

/**
 * The labels of a Caret `LabelTable`, as Connectome Workbench and TotalSegmentator write it into an extension of a NIfTI header:
 * `<Label Key="1" Red="1" Green="0" Blue="0" Alpha="1"><![CDATA[spleen]]></Label>`. Nothing else of the XML is looked at; entities
 * that it defines itself are not resolved. Takes time in proportion to the length, whatever the text is.
 */
export function caretLabels(xml: string): NamedLabel[] {
  const labels: NamedLabel[] = [];
  const stop = xml.indexOf('</LabelTable');
  const end = stop < 0 ? xml.length : stop;
  for (let at = xml.indexOf('<LabelTable'); at >= 0 && labels.length < MOST_LABELS;) {
    at = xml.indexOf('<Label', at + 1);
    if (at < 0 || at >= end) break;
    if (!/\s/.test(xml[at + 6] ?? '')) continue;
    const open = xml.indexOf('>', at);
    const close = open < 0 ? -1 : xml.indexOf('</Label>', open);
    if (close < 0) break;
    const attributes = xml.slice(at + 6, Math.min(open, at + 6 + MOST_ATTRIBUTES));
    const rgb = ['Red', 'Green', 'Blue'].map((name) => 255 * attribute(attributes, name));
    const label = namedLabel(attribute(attributes, 'Key'), textOf(xml.slice(open + 1, close)), rgb);
    if (label) labels.push(label);
    at = close;
  }
  return labels;
}
