import type { CallsOf, Client } from '../rpc';
import { connectThread } from '../rpc/threads';
import type { VolumeService } from './service';

/** What is asked of a volume's thread. */
export type VolumeCalls = CallsOf<
  Pick<VolumeService, 'header' | 'load' | 'glimpse' | 'slices' | 'reduced' | 'range' | 'thumbnail'>
>;

/** A volume in a thread of its own. */
export type VolumeClient = Client<VolumeCalls>;

/** @param script the bundled `volume-worker.cjs`. */
export function startVolume(script: string, file: string): VolumeClient {
  return connectThread<VolumeCalls>({
    script,
    data: { file },
    name: 'VoCo volume',
    tooLarge: `${file}: too large for the memory of this machine: close other programs or resample it`,
  });
}
