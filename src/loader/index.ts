export { createLoader, type Loaded, type Loader, type LoaderOptions } from './loader';
