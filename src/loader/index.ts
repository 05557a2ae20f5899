export { createLoader, type Loaded, type Loader, type LoaderOptions } from './loader';
export { SamplePlan } from './plan';
