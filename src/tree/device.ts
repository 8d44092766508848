/** Device numbers as stat(2) gives them on Linux: 12 bits of major, and 20 of minor around them. */
export interface DeviceNumbers {
  readonly major: number;
  readonly minor: number;
}

export function deviceNumbers(rdev: number): DeviceNumbers {
  return { major: (rdev >> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >> 12) & 0xfff00) };
}
