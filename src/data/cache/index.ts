export { cacheKey } from './key';
export {
  cacheFolder,
  cacheStatus,
  emptyCache,
  resultFile,
  resultImage,
  verdictFile,
  type CacheStatus,
} from './volumeCache';
