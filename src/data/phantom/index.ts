export { countLabels, phantomCase, type PhantomCase } from './case';
export { makePhantom, type PhantomOptions } from './dataset';
