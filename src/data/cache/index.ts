export { cacheKey } from './key';
export { VolumeCache, cacheFolder, cacheStatus, emptyCache, resultFile, type CacheStatus } from './volumeCache';
