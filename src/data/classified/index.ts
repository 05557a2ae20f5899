export { classifiedCases, classifiedInSource, readClassList, type ClassifiedCase, type ClassNames } from './csv';
