import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram, makeCertificate, temporaryFolder } from '@certferry/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { openContainer } from '../../libs/parser/src/open-container.ts';

/** What opening a file may cost, as a multiple of what OpenSSL's own program takes. */
const MOST = 1.5;

describe.skipIf(!hasProgram('openssl') || !hasProgram('bash'))(
  'a million iterations of PKCS#12’s own derivation',
  () => {
    const folder = temporaryFolder('derivation');
    beforeAll(async () => {
      const { pem, keyPem } = await makeCertificate({ commonName: 'one' });
      writeFileSync(join(folder, 'one.pem'), pem + keyPem);
    });

    /** Seconds of CPU: those of the clock say how busy the machine is. */
    const ours = (content: Buffer): number => {
      const start = process.cpuUsage();
      expect(openContainer(content, { password: 'changeit' }).keys.length).toBe(1);
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1e6;
    };
    const theirs = (name: string): number => {
      const script = `openssl pkcs12 -in ${name} -passin pass:changeit -nodes -out opened.pem && times`;
      const [, children] = execFileSync('bash', ['-c', script], { cwd: folder, encoding: 'utf8' }).split('\n');
      return [...children!.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, m, s]) => sum + Number(m) * 60 + Number(s), 0);
    };

    test.each(['sha1', 'sha256', 'sha512'])('with a MAC of %s', (digest) => {
      const name = `${digest}.p12`;
      const encryption = ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', digest];
      const args = ['-in', 'one.pem', '-out', name, '-passout', 'pass:changeit', '-iter', '1000000', ...encryption];
      execFileSync('openssl', ['pkcs12', '-export', ...args], { cwd: folder, stdio: 'pipe' });
      const content = readFileSync(join(folder, name));
      let [least, leastOfTheirs] = [Infinity, Infinity];
      for (let turn = 0; turn < 3; turn++) {
        least = Math.min(least, ours(content));
        leastOfTheirs = Math.min(leastOfTheirs, theirs(name));
      }
      console.log(`${digest}: ${least.toFixed(2)} s, openssl ${leastOfTheirs.toFixed(2)} s of CPU`);
      expect(least / leastOfTheirs).toBeLessThanOrEqual(MOST);
    });
  },
);
