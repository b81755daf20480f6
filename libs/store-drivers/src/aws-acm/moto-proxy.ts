import { createServer, request } from 'node:http';

/**
 * A process between a driver and moto: `node moto-proxy.ts PORT` listens on a port that it prints. SIGUSR2: from now on
 * what it answers for a certificate is no certificate. SIGHUP: it is again.
 */
let spoilt = false;
process.on('SIGUSR2', () => (spoilt = true));
process.on('SIGHUP', () => (spoilt = false));
const RUBBISH = { Certificate: '-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n' };

const proxy = createServer((asked, answer) => {
  const { method, url: path, headers } = asked;
  const passed = request({ host: '127.0.0.1', port: process.argv[2], method, path, headers }, (got) => {
    if (spoilt && headers['x-amz-target'] === 'CertificateManager.GetCertificate') {
      got.resume();
      answer.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
      answer.end(JSON.stringify(RUBBISH));
      return;
    }
    answer.writeHead(got.statusCode!, got.headers);
    got.pipe(answer);
  });
  passed.on('error', () => answer.destroy());
  answer.on('close', () => passed.destroy());
  asked.pipe(passed);
});
proxy.listen(0, '127.0.0.1', () => console.log(`listening on ${(proxy.address() as { port: number }).port}`));
