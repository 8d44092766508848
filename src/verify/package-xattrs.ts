/** Package xattrs: the extended attributes of a file that can come from a package. */

/**
 * What the system that holds or unpacks a root adds, and no package: labels of SELinux and integrity
 * measurement, and the marks of overlayfs.
 */
const systemAttribute = /^(?:security\.(?:selinux|ima|evm)$|(?:trusted|user)\.overlay\.)/;

export type Xattrs = ReadonlyMap<string, Uint8Array>;

/** The attributes that can come from a package. */
export function packageXattrs(xattrs: Xattrs | undefined): Xattrs {
  if (xattrs === undefined || xattrs.size === 0) return noXattrs;
  return new Map([...xattrs].filter(([name]) => !systemAttribute.test(name)));
}

const noXattrs: Xattrs = new Map();
