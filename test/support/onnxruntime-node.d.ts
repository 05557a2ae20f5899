/** The package of this version comes without its types, which are those of onnxruntime-common. */
declare module 'onnxruntime-node' {
  export * from 'onnxruntime-common';
}
