import { AppError } from '@certferry/core';
import { inventoryV1 } from '@certferry/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Services } from '../../services.ts';
import { answer, ArcgisError } from './answer.ts';
import { toArcgisCertificate } from './certificate.ts';
import { field, file, flag } from './conventions.ts';
import { hasIssuer } from './issuers.ts';
import { findEntry, isSameAlias, webSettings, type Machine, type Machines } from './machines.ts';

const FAMILIES = ['/portaladmin/machines/:machine/sslCertificates', '/portaladmin/security/sslCertificates'];
const SUCCESS = { status: 'success' };
const CANNOT_IMPORT = 'Unable to import certificate';
const ALIAS = /^[A-Za-z0-9._:* -]{1,255}$/;
const PROTOCOLS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];
/** Operations of this resource that are not there yet, so that nobody takes their names for an alias. */
const NOT_YET = ['generateCertificate', 'generate'];
const NOT_YET_OF_ALIAS = ['generateCsr', 'importSignedCertificate'];

function newAlias(request: FastifyRequest, machine: Machine): string {
  const alias = field(request, 'alias')?.trim() ?? '';
  if (!ALIAS.test(alias))
    throw new ArcgisError(400, 'The alias must have 1 to 255 letters, digits, spaces or . _ - : *');
  if (findEntry(machine, alias))
    throw new ArcgisError(500, CANNOT_IMPORT, [`The alias ${alias} already exists; delete it or choose another.`]);
  return alias;
}

/** What an import would bring; the reader's own sentence as the detail of a failed import. */
async function inspect(
  { imports }: Services,
  container: { content: Buffer; password?: string; formats: string[] },
): Promise<inventoryV1.ImportItem[]> {
  try {
    const { items } = (await imports.importCertificates({ ...container, dryRun: true })).import!;
    const failed = items.find((item) => item.result === inventoryV1.ImportResult.FAILED);
    if (failed) throw new ArcgisError(500, CANNOT_IMPORT, [failed.message]);
    return items;
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'INTERNAL') throw error;
    throw new ArcgisError(500, CANNOT_IMPORT, [error.message]);
  }
}

/** The sslCertificates resource, of a machine and of the site (its first machine). */
export function addCertificateRoutes(app: FastifyInstance, services: Services, machines: Machines): void {
  const read = { config: { scope: 'read' } } as const;
  const write = { config: { scope: 'write' } } as const;
  const open = async (request: FastifyRequest) => await machines.open((request.params as { machine?: string }).machine);
  const entryOf = async (request: FastifyRequest) => {
    const machine = await open(request);
    const { alias } = request.params as { alias: string };
    const entry = findEntry(machine, alias);
    if (!entry) throw new ArcgisError(404, `The alias ${alias} does not exist.`);
    return { machine, entry };
  };
  for (const path of FAMILIES) {
    app.get(path, read, async (request, reply) => {
      const machine = await open(request);
      const sslCertificates = machine.entries.map((entry) => entry.alias);
      return await answer(request, reply, { sslCertificates, ...webSettings(machine) });
    });
    app.post(`${path}/importExistingServerCertificate`, write, async (request, reply) => {
      await importServerCertificate({ services, machines }, await open(request), request);
      return await answer(request, reply, SUCCESS);
    });
    app.post(`${path}/importRootOrIntermediate`, write, async (request, reply) => {
      await importTrusted({ services, machines }, await open(request), request);
      return await answer(request, reply, SUCCESS);
    });
    app.post(`${path}/update`, write, async (request, reply) => {
      await updateSettings(machines, await open(request), request);
      return await answer(request, reply, SUCCESS);
    });
    for (const operation of NOT_YET) app.post(`${path}/${operation}`, write, notYet);
    app.get(`${path}/:alias`, read, async (request, reply) =>
      answer(request, reply, toArcgisCertificate((await entryOf(request)).entry)),
    );
    app.get(`${path}/:alias/export`, read, async (request, reply) => {
      const { entry } = await entryOf(request);
      const name = entry.alias.replace(/[^A-Za-z0-9._-]/g, '_');
      return await reply
        .header('content-disposition', `attachment; filename="${name}.cer"`)
        .type('application/x-x509-ca-cert')
        .send(Buffer.from(entry.certificate!.der));
    });
    app.post(`${path}/:alias/delete`, write, async (request, reply) => {
      const { machine, entry } = await entryOf(request);
      if (isSameAlias(webSettings(machine).webServerCertificateAlias, entry.alias))
        throw new ArcgisError(500, 'Unable to delete certificate', [
          `The web server uses ${entry.alias}; update webServerCertificateAlias first.`,
        ]);
      await machines.remove(machine, entry.alias);
      return await answer(request, reply, SUCCESS);
    });
    for (const operation of NOT_YET_OF_ALIAS) app.post(`${path}/:alias/${operation}`, write, notYet);
  }
}

function notYet(request: FastifyRequest, _reply: FastifyReply): never {
  throw new ArcgisError(400, `${request.url.split('?')[0]!.split('/').at(-1)} is not supported yet.`);
}

interface Through {
  services: Services;
  machines: Machines;
}

async function importServerCertificate(
  { services, machines }: Through,
  machine: Machine,
  request: FastifyRequest,
): Promise<void> {
  const alias = newAlias(request, machine);
  const withChain = flag(request, 'importCertificateChain', true);
  const container = {
    content: file(request).content,
    password: field(request, 'password', 'certPassword') ?? '',
    formats: ['pkcs12'],
  };
  const items = await inspect(services, container);
  const leaf = items.find((item) => item.keyInContainer && item.facts);
  if (!leaf) throw new ArcgisError(500, CANNOT_IMPORT, ['The PKCS#12 file holds no private key with its certificate.']);
  checkIssuer(machine, leaf, withChain ? items : []);
  const { items: kept } = (await services.imports.importCertificates(container)).import!;
  const idOf = (fingerprint: string) => kept.find((item) => item.fingerprintSha256 === fingerprint)!.certificateId;
  const held = new Set(machine.entries.map((entry) => entry.fingerprintSha256));
  const issuers = withChain ? items.filter((item) => item !== leaf && !held.has(item.fingerprintSha256)) : [];
  const taken = new Set(machine.entries.map((entry) => entry.alias.toLowerCase()));
  let number = 1;
  for (const issuer of issuers) {
    while (taken.has(`${alias}-ca${number}`.toLowerCase())) number++;
    const certificateId = idOf(issuer.fingerprintSha256);
    await machines.put(machine, { certificateId, alias: `${alias}-ca${number++}`, includePrivateKey: false });
  }
  await machines.put(machine, { certificateId: idOf(leaf.fingerprintSha256), alias, includePrivateKey: true });
}

/** A CA-signed certificate needs its issuer: in the keystore, among the public roots, or in the file with its chain. */
function checkIssuer(machine: Machine, leaf: inventoryV1.ImportItem, inFile: inventoryV1.ImportItem[]): void {
  const { issuer, selfIssued } = leaf.facts!;
  const trusted = machine.entries
    .filter((entry) => !entry.hasPrivateKey)
    .map(({ certificate }) => ({ der: certificate!.der, subject: certificate!.facts!.subject }));
  const present = [...trusted, ...inFile.map(({ der, subject }) => ({ der, subject }))];
  if (hasIssuer({ der: leaf.der, issuer, selfIssued }, present)) return;
  throw new ArcgisError(500, CANNOT_IMPORT, [
    `The issuer ${issuer} is not there: import it first by importRootOrIntermediate, or send a PKCS#12 file that holds it.`,
  ]);
}

async function importTrusted(
  { services, machines }: Through,
  machine: Machine,
  request: FastifyRequest,
): Promise<void> {
  const alias = newAlias(request, machine);
  const container = { content: file(request).content, formats: ['pem', 'der'] };
  const certificates = (await inspect(services, container)).filter((item) => item.facts);
  if (certificates.length !== 1)
    throw new ArcgisError(500, CANNOT_IMPORT, [
      `The file holds ${certificates.length} certificates; send one a call, each under an alias of its own.`,
    ]);
  const { items } = (await services.imports.importCertificates({ ...container, firstOfPem: true })).import!;
  await machines.put(machine, { certificateId: items[0]!.certificateId, alias, includePrivateKey: false });
}

async function updateSettings(machines: Machines, machine: Machine, request: FastifyRequest): Promise<void> {
  const wanted = field(request, 'webServerCertificateAlias')?.trim() ?? '';
  const entry = findEntry(machine, wanted);
  if (!entry) throw new ArcgisError(400, `webServerCertificateAlias: the alias ${wanted} does not exist.`);
  if (!entry.hasPrivateKey)
    throw new ArcgisError(400, `The alias ${wanted} has no private key: it cannot serve the web.`);
  const sslProtocols = field(request, 'sslProtocols') || undefined;
  const unknown = sslProtocols?.split(',').find((protocol) => !PROTOCOLS.includes(protocol.trim()));
  if (unknown !== undefined)
    throw new ArcgisError(400, `sslProtocols: "${unknown}" is none of ${PROTOCOLS.join(', ')}.`);
  await machines.saveSettings(machine, {
    webServerCertificateAlias: entry.alias,
    sslProtocols,
    cipherSuites: field(request, 'cipherSuites') || undefined,
    HSTSEnabled: field(request, 'HSTSEnabled') === undefined ? undefined : flag(request, 'HSTSEnabled', false),
  });
}
