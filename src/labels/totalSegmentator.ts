import { BTCV_CLASSES, colourOfLabel, hslColour, type LabelClass } from './organs';
import { plainName, sameName } from './named';

/** Names of the classes of TotalSegmentator's task `total` (version 2) by their numbers, from 1; as in its `map_to_binary.py`. */
const NAMES = [
  'spleen',
  'kidney_right',
  'kidney_left',
  'gallbladder',
  'liver',
  'stomach',
  'pancreas',
  'adrenal_gland_right',
  'adrenal_gland_left',
  'lung_upper_lobe_left',
  'lung_lower_lobe_left',
  'lung_upper_lobe_right',
  'lung_middle_lobe_right',
  'lung_lower_lobe_right',
  'esophagus',
  'trachea',
  'thyroid_gland',
  'small_bowel',
  'duodenum',
  'colon',
  'urinary_bladder',
  'prostate',
  'kidney_cyst_left',
  'kidney_cyst_right',
  'sacrum',
  'vertebrae_S1',
  'vertebrae_L5',
  'vertebrae_L4',
  'vertebrae_L3',
  'vertebrae_L2',
  'vertebrae_L1',
  'vertebrae_T12',
  'vertebrae_T11',
  'vertebrae_T10',
  'vertebrae_T9',
  'vertebrae_T8',
  'vertebrae_T7',
  'vertebrae_T6',
  'vertebrae_T5',
  'vertebrae_T4',
  'vertebrae_T3',
  'vertebrae_T2',
  'vertebrae_T1',
  'vertebrae_C7',
  'vertebrae_C6',
  'vertebrae_C5',
  'vertebrae_C4',
  'vertebrae_C3',
  'vertebrae_C2',
  'vertebrae_C1',
  'heart',
  'aorta',
  'pulmonary_vein',
  'brachiocephalic_trunk',
  'subclavian_artery_right',
  'subclavian_artery_left',
  'common_carotid_artery_right',
  'common_carotid_artery_left',
  'brachiocephalic_vein_left',
  'brachiocephalic_vein_right',
  'atrial_appendage_left',
  'superior_vena_cava',
  'inferior_vena_cava',
  'portal_vein_and_splenic_vein',
  'iliac_artery_left',
  'iliac_artery_right',
  'iliac_vena_left',
  'iliac_vena_right',
  'humerus_left',
  'humerus_right',
  'scapula_left',
  'scapula_right',
  'clavicula_left',
  'clavicula_right',
  'femur_left',
  'femur_right',
  'hip_left',
  'hip_right',
  'spinal_cord',
  'gluteus_maximus_left',
  'gluteus_maximus_right',
  'gluteus_medius_left',
  'gluteus_medius_right',
  'gluteus_minimus_left',
  'gluteus_minimus_right',
  'autochthon_left',
  'autochthon_right',
  'iliopsoas_left',
  'iliopsoas_right',
  'brain',
  'skull',
  'rib_left_1',
  'rib_left_2',
  'rib_left_3',
  'rib_left_4',
  'rib_left_5',
  'rib_left_6',
  'rib_left_7',
  'rib_left_8',
  'rib_left_9',
  'rib_left_10',
  'rib_left_11',
  'rib_left_12',
  'rib_right_1',
  'rib_right_2',
  'rib_right_3',
  'rib_right_4',
  'rib_right_5',
  'rib_right_6',
  'rib_right_7',
  'rib_right_8',
  'rib_right_9',
  'rib_right_10',
  'rib_right_11',
  'rib_right_12',
  'sternum',
  'costal_cartilages',
] as const;

/** What BTCV's table calls otherwise. */
const OTHER_WORDS: Readonly<Record<string, string>> = {
  kidney_right: 'right kidney',
  kidney_left: 'left kidney',
  esophagus: 'oesophagus',
  adrenal_gland_right: 'right adrenal gland',
  adrenal_gland_left: 'left adrenal gland',
  portal_vein_and_splenic_vein: 'portal and splenic veins',
};

/** Ranges of hue (degrees), saturation and lightness for structures of a kind: neighbours differ, kinds stay together. */
const KINDS: readonly { readonly of: RegExp; readonly hue: readonly [number, number]; readonly saturation: number }[] =
  [
    { of: /vena|vein/, hue: [200, 245], saturation: 0.75 },
    { of: /artery|trunk|aorta|heart|atrial/, hue: [345, 375], saturation: 0.8 },
    { of: /lung|trachea/, hue: [170, 205], saturation: 0.5 },
    { of: /gluteus|autochthon|iliopsoas/, hue: [5, 25], saturation: 0.55 },
    {
      of: /vertebrae|rib|sacrum|sternum|costal|humerus|scapula|clavicula|femur|hip|skull/,
      hue: [35, 75],
      saturation: 0.45,
    },
    { of: /brain|spinal/, hue: [280, 300], saturation: 0.5 },
  ];

/** How far to go round a range for the n-th of a kind: a golden section on, so that neighbours lie apart. */
const GOLDEN = 0.618034;

function colourOf(name: string, value: number): string {
  const organ = BTCV_CLASSES.find((one) => sameName(one.name, OTHER_WORDS[name] ?? name));
  if (organ) return organ.colour;
  const kind = KINDS.find(({ of }) => of.test(name));
  if (!kind) return colourOfLabel(value);
  const [from, to] = kind.hue;
  const share = (value * GOLDEN) % 1;
  return hslColour(from + share * (to - from), kind.saturation, [0.5, 0.62, 0.74][value % 3]!);
}

/** The 117 classes of TotalSegmentator's task `total`, in the order of their numbers, without background. */
export const TOTALSEGMENTATOR_CLASSES: readonly LabelClass[] = NAMES.map((name, i) => ({
  value: i + 1,
  name,
  colour: colourOf(name, i + 1),
}));

const colours = new Map(
  [...TOTALSEGMENTATOR_CLASSES, ...BTCV_CLASSES].map(({ name, colour }) => [plainName(name), colour] as const),
);

/** The colour that a table has for a structure of this name. */
export const colourOfName = (name: string): string | undefined => colours.get(plainName(name));
