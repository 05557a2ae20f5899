import { ThreadClient } from '../rpc/threadClient';
import type { VolumeService } from './service';

/** A volume in a thread of its own. */
export type VolumeClient = ThreadClient<
  Pick<VolumeService, 'header' | 'load' | 'glimpse' | 'slices' | 'reduced' | 'range' | 'thumbnail'>
>;

/** @param script the bundled `volume-worker.cjs`. */
export function startVolume(script: string, file: string): VolumeClient {
  return new ThreadClient({
    script,
    data: { file },
    name: 'VoCo volume',
    tooLarge: `${file}: too large for the memory of this machine: close other programs or resample it`,
  });
}
