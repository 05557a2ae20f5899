export { cropCodes } from './cropCodes';
export { countPlaces, drawPlace, type CropPlaces, type PlaceDraw } from './cropPlaces';
export { classMask, encodeLabels, makeLabelCodes, oneHot, valuesOfCodes, type LabelCodes } from './labelCodes';
export { labelFile, LabelledStore, type LabelledStoreSettings, type LabelledVolume } from './labelledStore';
export { countOf, trainingSubset } from './subset';
