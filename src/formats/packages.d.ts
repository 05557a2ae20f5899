declare module '@cornerstonejs/codec-charls/decodewasmjs';
declare module '@cornerstonejs/codec-openjpeg/decodewasmjs';
declare module '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs';
declare module 'jpeg-lossless-decoder-js' {
  export class Decoder {
    readonly frame: { readonly precision: number };
    decode(data: ArrayBuffer, offset: number, length: number): unknown;
  }
}
declare module 'seek-bzip' {
  const bunzip: { decode(data: Uint8Array, output: { writeByte(byte: number): void }): unknown };
  export default bunzip;
}
