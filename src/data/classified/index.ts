export { classifiedCases, readClassList, type ClassifiedCase, type ClassNames } from './csv';
