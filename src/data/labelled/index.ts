export { cropCodes } from './cropCodes';
export { countPlaces, drawPlace, type CropPlaces, type PlaceDraw } from './cropPlaces';
export {
  classMask,
  codesAsSaved,
  encodeLabels,
  makeLabelCodes,
  namesOfValues,
  oneHot,
  valuesOfCodes,
  type LabelCodes,
} from './labelCodes';
export { LabelledStore, type LabelledStoreSettings, type LabelledVolume } from './labelledStore';
export { labelledClasses } from './labelledClasses';
export { judgeLabel, labelFile, type JudgedLabel, type LabelSettings } from './readLabel';
export type { ClassValues } from './labelCodes';
export { mergeMasks } from './mergeMasks';
export { countOf, trainingSubset } from './subset';
