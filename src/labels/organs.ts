/** One class of a segmentation: the number in the label map, and how tables, charts and overlays name and draw it. */
export interface LabelClass {
  readonly value: number;
  readonly name: string;
  /** `#rrggbb`: distinct from its neighbours in the body, and visible on grey. */
  readonly colour: string;
}

/** The 13 organs of BTCV, in the order of their numbers; 0 is background and drawn as nothing. */
export const BTCV_CLASSES: readonly LabelClass[] = [
  { value: 0, name: 'background', colour: '#000000' },
  { value: 1, name: 'spleen', colour: '#e6194b' },
  { value: 2, name: 'right kidney', colour: '#3cb44b' },
  { value: 3, name: 'left kidney', colour: '#b5e61d' },
  { value: 4, name: 'gallbladder', colour: '#00a878' },
  { value: 5, name: 'oesophagus', colour: '#f58231' },
  { value: 6, name: 'liver', colour: '#c77b58' },
  { value: 7, name: 'stomach', colour: '#ffe119' },
  { value: 8, name: 'aorta', colour: '#ff5a5a' },
  { value: 9, name: 'inferior vena cava', colour: '#4363d8' },
  { value: 10, name: 'portal and splenic veins', colour: '#42d4f4' },
  { value: 11, name: 'pancreas', colour: '#f032e6' },
  { value: 12, name: 'right adrenal gland', colour: '#b388ff' },
  { value: 13, name: 'left adrenal gland', colour: '#fabed4' },
];

/** Names of the BTCV organs; the label value is the position. */
export const BTCV_LABELS: readonly string[] = BTCV_CLASSES.map((organ) => organ.name);

/** A colour by hue (degrees), saturation and lightness (0 to 1). */
export function hslColour(hue: number, saturation: number, lightness: number): string {
  const amplitude = saturation * Math.min(lightness, 1 - lightness);
  const channel = (n: number): string => {
    const k = (n + (hue % 360) / 30) % 12;
    const level = lightness - amplitude * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(255 * level)
      .toString(16)
      .padStart(2, '0');
  };
  return `#${channel(0)}${channel(8)}${channel(4)}`;
}

/** A colour for a class that no table names: hues a golden angle apart, three levels of lightness. */
export function colourOfLabel(value: number): string {
  return hslColour((value * 137.508) % 360, 0.75, [0.6, 0.45, 0.72][Math.floor(value / 9) % 3]!);
}
