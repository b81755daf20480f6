import type { Parameter } from './hook-config.ts';

/** The hook of a well-known server: how its configuration is tested, and how it takes a new certificate. */
export interface Preset {
  argv: string[];
  test?: string[];
  /** What only the server's configuration says, such as the program. */
  fixed: Record<string, string>;
  /** What a store may say, unless the server's configuration does. */
  parameters: Record<string, Parameter>;
}

/** A file below a folder: a store must not make a program that runs as root read, and tell of, any other. */
const below = (folders: string): string => `(?!.*/\\.\\.?(?:/|$))(?:${folders})/[\\w./@+-]+`;
const pidFile = (file: string): Parameter => ({ pattern: below('/run|/var/run'), default: file });

/** By name. */
export const PRESETS: Record<string, Preset> = {
  nginx: {
    test: ['{binary}', '-t', '-q', '-c', '{config}'],
    argv: ['{binary}', '-s', 'reload', '-c', '{config}'],
    fixed: { binary: '/usr/sbin/nginx' },
    parameters: { config: { pattern: below('/etc/nginx'), default: '/etc/nginx/nginx.conf' } },
  },
  apache2: {
    test: ['{binary}', '-f', '{config}', '-t'],
    argv: ['{binary}', '-f', '{config}', '-k', 'graceful'],
    // Not apache2 itself: its configuration needs the environment that this gives it.
    fixed: { binary: '/usr/sbin/apache2ctl' },
    parameters: { config: { pattern: below('/etc/apache2|/etc/httpd'), default: '/etc/apache2/apache2.conf' } },
  },
  haproxy: {
    // Without -q: that hides the cause too.
    test: ['{binary}', '-c', '-f', '{config}'],
    // The master process, of `-W`, reads everything anew.
    argv: ['/usr/bin/pkill', '--signal', 'USR2', '--pidfile', '{pidFile}'],
    fixed: { binary: '/usr/sbin/haproxy' },
    parameters: {
      config: { pattern: below('/etc/haproxy'), default: '/etc/haproxy/haproxy.cfg' },
      pidFile: pidFile('/run/haproxy.pid'),
    },
  },
};
