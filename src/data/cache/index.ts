export { cacheKey } from './key';
export { cacheFolder, cacheStatus, emptyCache, resultFile, resultImage, type CacheStatus } from './volumeCache';
