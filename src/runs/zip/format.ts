/** Signatures and sizes of a zip file's records (PKWARE APPNOTE 6.3). */
export const ZIP = {
  local: 0x04034b50,
  localBytes: 30,
  central: 0x02014b50,
  centralBytes: 46,
  end: 0x06054b50,
  endBytes: 22,
  end64: 0x06064b50,
  end64Bytes: 56,
  locator64: 0x07064b50,
  locator64Bytes: 20,
  extra64: 1,
  stored: 0,
  deflated: 8,
} as const;

/** A field with this value has its real one in the zip64 records. */
export const FULL16 = 0xffff;
export const FULL32 = 0xffffffff;
