export { cacheKey } from './key';
export {
  VolumeCache,
  cacheFolder,
  cacheStatus,
  emptyCache,
  resultFile,
  resultImage,
  type CacheStatus,
} from './volumeCache';
