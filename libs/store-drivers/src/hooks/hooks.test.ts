import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { temporaryFolder } from '@certferry/testing';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { hookConfig, hooksOf } from './hook-config.ts';
import { Hooks } from './hooks.ts';

const config = z.strictObject(hookConfig);
const hooksFrom = (from: z.input<typeof config>): Hooks => new Hooks(hooksOf(config.parse(from)));
const ALIVE = { secrets: [], signal: new AbortController().signal };

/** A program that is a Node script. */
function program(source: string): string {
  const path = join(temporaryFolder('hook'), 'program');
  writeFileSync(path, `#!${process.execPath}\n${source}`);
  chmodSync(path, 0o755);
  return path;
}

const run = async (source: string, more: object = {}, parameters: Record<string, string> = {}) =>
  await hooksFrom({ hooks: { one: { argv: [program(source)], ...more } } }).run(
    { hook: 'one', parameters },
    { step: 'reload', ...ALIVE },
  );

describe('a hook', () => {
  test('gets its parameters inside the elements of its argv, and no shell reads them', async () => {
    const hooks = hooksFrom({
      hooks: {
        one: {
          argv: [program('console.log(JSON.stringify(process.argv.slice(2)))'), '--file={file}', '{file}', '$HOME'],
          parameters: { file: '.*' },
        },
      },
    });
    const file = 'a b; $(touch x) `y` "{other}"';
    const { output, exitCode, problem } = await hooks.run(
      { hook: 'one', parameters: { file } },
      { step: 'reload', ...ALIVE },
    );
    expect({ exitCode, problem }).toEqual({ exitCode: 0, problem: '' });
    expect(JSON.parse(output)).toEqual([`--file=${file}`, file, '$HOME']);
  });

  test('has a clean environment, no input, and the root as its folder', async () => {
    process.env['CERTFERRY_TEST_CANARY'] = 'canary-environment';
    const { output } = await run(
      'console.log(JSON.stringify([Object.keys(process.env).sort(), process.env.MODE, process.cwd(), require("fs").readFileSync(0).length]))',
      { env: { MODE: 'fast' } },
    );
    delete process.env['CERTFERRY_TEST_CANARY'];
    // The values of its environment may be secrets.
    expect(JSON.parse(output)).toEqual([['LANG', 'MODE', 'PATH'], '[hidden]', '/', 0]);
  });

  test('that fails says with what, and the end of what it said is kept, without secrets', async () => {
    const hooks = hooksFrom({
      hooks: {
        one: {
          argv: [
            program(
              `console.log("x".repeat(9000)); console.error("\\x1b[31mpassword canary-store\\n-----BEGIN PRIVATE KEY-----\\nMIIcanary\\n-----END PRIVATE KEY-----\\nthe cause"); process.exitCode = 3`,
            ),
          ],
          maxOutputBytes: 400,
        },
      },
    });
    const said = await hooks.run(
      { hook: 'one', parameters: {} },
      { ...ALIVE, step: 'reload', secrets: ['canary-store'] },
    );
    expect(said).toMatchObject({ hook: 'one', step: 'reload', exitCode: 3, problem: 'it ended with 3' });
    expect(said.output).toMatch(/^… x+\n\[31mpassword \[hidden\]\n\[private key\]\nthe cause$/);
    expect(said.output.length).toBeLessThan(420);
    expect(said.seconds).toBeGreaterThan(0);
  });

  test('that cannot be run, or by nobody that there is, says so', async () => {
    const absent = hooksFrom({ hooks: { one: { argv: ['/nowhere/program'] } } });
    const use = { hook: 'one', parameters: {} };
    expect(await absent.run(use, { step: 'reload', ...ALIVE })).toMatchObject({
      exitCode: -1,
      problem: '/nowhere/program cannot be run (ENOENT)',
    });
    expect(await run('', { user: 'nobody-of-this-name' })).toMatchObject({
      problem: 'There is no user "nobody-of-this-name".',
    });
  });

  test('that ends with 0 has failed where it did not say what it must', async () => {
    expect(await run('console.log("FAIL - no such host")', { output: 'OK - ' })).toMatchObject({
      exitCode: 0,
      problem: 'it did not say that it succeeded',
    });
    expect(await run('console.log("OK - done")', { output: 'OK - ' })).toMatchObject({ problem: '' });
  });

  const pidFile = join(temporaryFolder('hook'), 'pid');
  const hangs = `const c = require("child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" });
    require("fs").writeFileSync(${JSON.stringify(pidFile)}, String(c.pid)); process.on("SIGTERM", () => {}); setInterval(() => {}, 1000);`;
  const isAlive = (pid: number) => {
    try {
      // Gone, or waiting for somebody to hear of it.
      return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
    } catch {
      return false;
    }
  };

  test('that does not end is killed when its time is up, with all that it has started', async () => {
    const said = await run(hangs, { timeoutSeconds: 1 });
    expect(said).toMatchObject({ exitCode: -1, problem: 'it did not end within 1 s and was killed' });
    await expect.poll(() => isAlive(Number(readFileSync(pidFile, 'utf8')))).toBe(false);
  });

  test('is killed when its job must end, and the call rejects', async () => {
    const stop = new AbortController();
    const hooks = hooksFrom({ hooks: { one: { argv: [program(hangs.replace(pidFile, `${pidFile}2`))] } } });
    const running = hooks.run({ hook: 'one', parameters: {} }, { step: 'reload', secrets: [], signal: stop.signal });
    running.catch(() => undefined);
    await expect.poll(() => existsSync(`${pidFile}2`) && readFileSync(`${pidFile}2`, 'utf8') !== '').toBe(true);
    stop.abort(new Error('stopped'));
    await expect(running).rejects.toThrow('stopped');
    await expect.poll(() => isAlive(Number(readFileSync(`${pidFile}2`, 'utf8')))).toBe(false);
  });

  test('that leaves a daemon with its output open does not wait for it', async () => {
    const begun = Date.now();
    const daemon = `require("child_process").spawn("sleep", ["3"], { stdio: "inherit", detached: true }).unref(); console.log("started"); process.exit(0)`;
    expect(await run(daemon)).toMatchObject({ exitCode: 0, output: 'started' });
    await delay(0);
    expect(Date.now() - begun).toBeLessThan(2_500);
  });

  test.runIf(process.getuid?.() === 0)('runs as its own user, without the groups of the server', async () => {
    const source = 'console.log(JSON.stringify([process.getuid(), process.getgid(), process.getgroups()]))';
    const path = program(source);
    for (let folder = join(path, '..'); folder !== '/tmp' && folder !== '/'; folder = join(folder, '..'))
      chmodSync(folder, 0o755);
    const hooks = hooksFrom({ hooks: { one: { argv: ['/usr/bin/id'], user: 'nobody' } } });
    const { output } = await hooks.run({ hook: 'one', parameters: {} }, { step: 'reload', ...ALIVE });
    expect(output).toMatch(/^uid=\d+\(nobody\) gid=\d+\(\w+\) groups=\d+\(\w+\)$/);
    expect(output).not.toContain('root');
  });
});

describe('what a store may choose', () => {
  const hooks = hooksFrom({
    hooks: {
      site: {
        argv: ['/bin/true', '{name}', '{mode}'],
        parameters: { name: '[a-z]+', mode: { pattern: 'fast|slow', default: 'fast' } },
      },
    },
    hookPresets: [
      'nginx',
      { preset: 'nginx', name: 'edge', parameters: { binary: '/opt/nginx', config: '/opt/nginx.conf' } },
    ],
  });
  const refused = (hook: string, parameters: Record<string, string>) => {
    try {
      hooks.check({ hook, parameters });
      return 'taken';
    } catch (error) {
      return (error as Error).message;
    }
  };

  test('is in the configuration, with parameters as it says, or is refused with what there is', () => {
    expect(refused('site', { name: 'web' })).toBe('taken');
    expect(refused('site', { name: 'web', mode: 'slow' })).toBe('taken');
    expect(refused('sites', {})).toBe(
      'There is no hook "sites" in the server\'s configuration; there is "site", "nginx", "edge".',
    );
    expect(refused('site', {})).toBe('The parameter "name" of the hook "site": it is required.');
    expect(refused('site', { name: 'web', colour: 'red' })).toBe(
      'The parameter "colour" of the hook "site": it has no such parameter; it has name, mode.',
    );
    // A pattern holds for the whole value.
    for (const name of ['', 'Web', 'web1', 'web\n', 'web\0', 'a'.repeat(1_001)])
      expect(refused('site', { name })).toBe('The parameter "name" of the hook "site": it must match [a-z]+.');
    expect(refused('site', { name: 'web', mode: 'fastest' })).toContain('must match fast|slow');
  });

  test('is never the program, nor a file of another folder', () => {
    expect(refused('nginx', {})).toBe('taken');
    expect(refused('nginx', { config: '/etc/nginx/sites/one.conf' })).toBe('taken');
    expect(refused('nginx', { binary: '/bin/sh' })).toContain('it has no such parameter; it has config');
    for (const config of ['/etc/shadow', '/etc/nginx/../shadow', '/etc/nginx/./x', '-c', '/etc/nginx/..'])
      expect(refused('nginx', { config })).toContain('it must match');
    expect(refused('edge', { config: '/etc/nginx/nginx.conf' })).toContain('it has no such parameter; it has none');
  });

  test('a configuration with something wrong is refused', () => {
    const problem = (from: object) => {
      const parsed = config.safeParse(from);
      if (!parsed.success) return parsed.error.issues.map((issue) => issue.message).join();
      try {
        return hooksOf(parsed.data).size;
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(problem({ hooks: { one: { argv: ['true'] } } })).toContain('absolute path of a program');
    expect(problem({ hooks: { one: { argv: ['/bin/{x}'], parameters: { x: '.' } } } })).toContain('no parameter');
    expect(problem({ hooks: { one: { argv: ['/bin/true', '{x}'] } } })).toBe('names {x}, which is not in parameters');
    expect(problem({ hooks: { one: { argv: ['/bin/true'], parameters: { x: '(' } } } })).toBe(
      'is not a regular expression',
    );
    expect(problem({ hooks: { nginx: { argv: ['/bin/true'] } }, hookPresets: ['nginx'] })).toBe(
      'deployment: two hooks are named "nginx".',
    );
    expect(problem({ hookPresets: [{ preset: 'nginx', parameters: { colour: 'red' } }] })).toBe(
      'deployment.hookPresets: nginx has no parameter "colour"; it has binary, config.',
    );
    expect(problem({ hookPresets: [{ preset: 'nginx', parameters: { binary: '' } }] })).toBe(
      'deployment.hookPresets: nginx needs "binary".',
    );
    // Nobody has tried them with the real servers.
    for (const preset of ['postfix', 'dovecot', 'postgresql', 'tomcat'])
      expect(config.safeParse({ hookPresets: [preset] }).success).toBe(false);
  });
});
