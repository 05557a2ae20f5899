const LABEL_FOLDER =
  /^(labels?(tr|ts|va|val|train|test)?|segs?|segmentations?|masks?|annotations?|predictions?|ground[-_ ]?truths?)$/i;
const LABEL_NAME = /(^|[-_. ])(labels?|labelmaps?|[ad]?segs?|segmentations?|masks?|probseg|defacemask)(?=[-_. ]|\d*$)/i;

/** Whether a folder is called as one that holds label maps. */
export const isLabelFolder = (name: string): boolean => LABEL_FOLDER.test(name);

/** Whether a file (without its folder and `.nii.gz`) is called like a label map: `case_seg`, `label0001`, `combined_labels`. */
export const isLabelName = (name: string): boolean => LABEL_NAME.test(name);

const LABEL_NAMES = new RegExp(LABEL_NAME.source, 'gi');
const IMAGE_NAMES = /(^|[-_. ])(images?|imgs?|imaging|volumes?|vol|scans?|ct|mri?)(?=[-_. ]|\d*$)/gi;

/** What is left of a file's name without the words that say image or label map: the case's own name, `0` of `volume-0`. */
export const caseWords = (name: string): string =>
  plainName(name.replace(LABEL_NAMES, '$1').replace(IMAGE_NAMES, '$1'));

/** A name without what separates its words, in lower case. */
export const plainName = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[-_. ]+/g, ' ')
    .trim();

/** Whether two names of a structure are the same but for case and what separates the words: `kidney_left`, `Kidney left`. */
export const sameName = (a: string, b: string): boolean => plainName(a) === plainName(b);
