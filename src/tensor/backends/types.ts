export type DeviceName = 'cuda' | 'webgpu' | 'onednn' | 'wasm' | 'cpu';
/** `bf16` and `float16`: operands of convolutions, products and attention; sums and everything else stay float32. */
export type Precision = 'float32' | 'bf16' | 'float16';
export const PRECISIONS: readonly Precision[] = ['float32', 'bf16', 'float16'];

/** One line of `voco devices`. */
export interface DeviceStatus {
  /** What `device` in a config names: `onednn`, `webgpu`, `webgpu:1`. */
  name: string;
  usable: boolean;
  /** Why it is not usable, or not taken by `auto`, and what to do about it. */
  reason?: string;
  description?: string;
  /** Memory of the device where it can be known (of the machine, for CPU devices). */
  memoryBytes?: number;
  precisions: Precision[];
  /** Why a precision is not among them, where there is more to say than that. */
  lacks?: Partial<Record<Precision, string>>;
  /** Measured speed of a 3×3×3 convolution, float32; only where it was asked for. */
  flopsPerSecond?: number;
  /** False for devices that work but that `auto` must not take: a GPU emulated in software. */
  automatic: boolean;
}

export interface DeviceInfo {
  name: string;
  /** tfjs's name of the backend. */
  backend: string;
  description: string;
  memoryBytes?: number;
  threads?: number;
  precision: Precision;
}

export interface DeviceOptions {
  /** CPU threads; 0 or undefined means all cores. */
  threads?: number;
  precision?: Precision;
}

/** A kind of device: how to find out about it and how to make it tfjs's current backend. */
export interface Device {
  list(): Promise<DeviceStatus[]>;
  /**
   * @param which what follows the colon in `webgpu:1`.
   * @throws UserError saying why it cannot be used.
   */
  use(options: DeviceOptions, which?: string): Promise<Omit<DeviceInfo, 'precision'>>;
}
