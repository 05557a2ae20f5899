/** DICOM's character sets (PS3.3 C.12.1.1.2) by the names that TextDecoder has. */
const SETS: Record<string, string> = {
  'ISO_IR 100': 'iso-8859-1',
  'ISO_IR 101': 'iso-8859-2',
  'ISO_IR 109': 'iso-8859-3',
  'ISO_IR 110': 'iso-8859-4',
  'ISO_IR 144': 'iso-8859-5',
  'ISO_IR 127': 'iso-8859-6',
  'ISO_IR 126': 'iso-8859-7',
  'ISO_IR 138': 'iso-8859-8',
  'ISO_IR 148': 'iso-8859-9',
  'ISO_IR 203': 'iso-8859-15',
  'ISO_IR 13': 'shift_jis',
  'ISO_IR 166': 'windows-874',
  'ISO_IR 192': 'utf-8',
  'ISO 2022 IR 13': 'iso-2022-jp',
  'ISO 2022 IR 87': 'iso-2022-jp',
  'ISO 2022 IR 149': 'euc-kr',
  'ISO 2022 IR 58': 'gb18030',
  GB18030: 'gb18030',
  GBK: 'gbk',
};

function decoderFor(charset: string | undefined): TextDecoder | undefined {
  const names = (charset ?? '')
    .split('\\')
    .map((name) => name.trim().replace(/^ISO 2022 IR (?!13$|87$|149$|58$)/, 'ISO_IR '));
  const known = names.map((name) => SETS[name]).filter((name) => name !== undefined);
  const name = known.at(-1);
  try {
    return name === undefined ? undefined : new TextDecoder(name);
  } catch {
    return undefined;
  }
}

/** Text as its character set says; without one as UTF-8 where it is that, else as Latin-1. Padding is left out. */
export function decodeText(bytes: Uint8Array, charset: string | undefined): string {
  const plain = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  if (/^[\x20-\x7e\0\r\n\t]*$/.test(plain)) return trimmed(plain);
  const decoder = decoderFor(charset);
  if (decoder) return trimmed(decoder.decode(bytes));
  try {
    return trimmed(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return trimmed(plain);
  }
}

const trimmed = (text: string): string => text.replaceAll('\0', '').trim();
