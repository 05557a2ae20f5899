export { cacheKey } from './key';
export { VolumeCache, cacheFolder, cacheStatus, emptyCache, type CacheStatus } from './volumeCache';
