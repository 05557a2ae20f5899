export { cacheKey } from './key';
export {
  cacheFolder,
  cacheStatus,
  emptyCache,
  resultFile,
  resultImage,
  tidyCache,
  verdictFile,
  type CacheStatus,
} from './volumeCache';
