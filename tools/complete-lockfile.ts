import { readFileSync, writeFileSync } from 'node:fs';

// A registry mirror may lack the packages of other platforms; npm then leaves them out of the lockfile, and `npm ci` refuses it
// everywhere. This puts them back, by name, version, system and processor; they are only fetched where they fit.

interface LockedPackage {
  version?: string;
  optionalDependencies?: Record<string, string>;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
}

const path = 'package-lock.json';
const lock = JSON.parse(readFileSync(path, 'utf8')) as { packages: Record<string, LockedPackage> };
const SYSTEMS =
  /-(darwin|linux|win32|android|freebsd|openharmony)-(arm64|aarch64|x64|armv7|arm|ia32|loong64|ppc64|riscv64|s390x)\b/;
const CPU: Record<string, string> = { aarch64: 'arm64', armv7: 'arm' };

for (const [parent, { optionalDependencies = {} }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const known = lock.packages[`${parent}/node_modules/${name}`] ?? lock.packages[`node_modules/${name}`];
    const system = SYSTEMS.exec(name);
    if (known || !system || !/^\d/.test(version)) continue;
    lock.packages[`node_modules/${name}`] = {
      version,
      cpu: [CPU[system[2]!] ?? system[2]!],
      optional: true,
      os: [system[1]!],
      dev: true,
    } as LockedPackage;
    console.log(`lockfile: put back ${name}@${version}`);
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
