/** Names of the 13 BTCV organs; the label value is the position, 0 is background. */
export const BTCV_LABELS = [
  'background',
  'spleen',
  'right kidney',
  'left kidney',
  'gallbladder',
  'oesophagus',
  'liver',
  'stomach',
  'aorta',
  'inferior vena cava',
  'portal and splenic veins',
  'pancreas',
  'right adrenal gland',
  'left adrenal gland',
] as const;
