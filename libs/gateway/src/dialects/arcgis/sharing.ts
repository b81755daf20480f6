import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { GatewayContext } from '../../gateway-context.ts';
import { answer, ArcgisError } from './answer.ts';
import { field } from './conventions.ts';
import { readMinutes, type Binding, type Tokens } from './tokens.ts';

/** Exactly what client libraries look for. */
const NO_TOKEN = 'Unable to generate token.';
const WRONG = 'Invalid username or password.';
/** A client library only shows its administration to users who have a privilege with `:admin:` in it. */
const PRIVILEGES = ['portal:admin:viewUsers', 'portal:admin:manageSecurity', 'portal:admin:manageServers'];

const hostOf = (request: FastifyRequest): string => `${request.protocol}://${request.host}`;

/** Tokens and the sign-in of the sharing API: the password is an API key, the user name is only recorded. */
export function addSharingRoutes(app: FastifyInstance, context: GatewayContext, tokens: Tokens): void {
  const { apiKeys, failures } = context;
  const anonymous = { config: { anonymous: true } };
  const signIn = async (request: FastifyRequest) => {
    const [user, password] = [field(request, 'username') ?? '', field(request, 'password') ?? ''];
    const key = user && password ? await apiKeys.authenticate(password) : undefined;
    if (key) return { key, user };
    try {
      failures.count(request.ip);
    } catch {
      throw new ArcgisError(400, NO_TOKEN, ['Too many failed attempts; wait a minute.']);
    }
    throw new ArcgisError(400, NO_TOKEN, [WRONG]);
  };

  for (const path of ['/sharing/rest/generateToken', '/sharing/generateToken', '/portaladmin/generateToken']) {
    app.post(path, { config: { anonymous: true, readOnly: true } }, async (request, reply) => {
      const caller = await signIn(request);
      const minutes = readMinutes(field(request, 'expiration'));
      const { token, expires } = await tokens.make({ ...caller, binding: readBinding(request), minutes });
      reply.header('cache-control', 'no-store');
      return await answer(request, reply, { token, expires: expires.getTime(), ssl: true });
    });
    app.get(path, anonymous, async (request, reply) => {
      const details = ['Send username, password and client in the body of a POST.'];
      return await answer(request, reply, { error: { code: 400, message: NO_TOKEN, details } });
    });
  }
  app.get('/sharing/rest/info', anonymous, async (request, reply) =>
    answer(request, reply, {
      currentVersion: '2024.2',
      fullVersion: '2024.2',
      authInfo: {
        isTokenBasedSecurity: true,
        tokenServicesUrl: `${hostOf(request)}/arcgis/sharing/rest/generateToken`,
      },
    }),
  );
  const read = { config: { scope: 'read' } } as const;
  app.get('/sharing/rest/portals/self', read, async (request, reply) =>
    answer(request, reply, {
      isPortal: true,
      portalName: 'Certferry',
      portalMode: 'singletenant',
      user: { username: request.callerName, privileges: PRIVILEGES },
    }),
  );
  app.get('/sharing/rest/community/users/:name', read, async (request, reply) => {
    const { name } = request.params as { name: string };
    if (name !== request.callerName) throw new ArcgisError(400, 'User does not exist or is inaccessible.');
    return await answer(request, reply, { username: name, privileges: PRIVILEGES });
  });
  addOAuth(app, { context, tokens, signIn });
}

/** The pages that a client library walks through for a plain user name and password. */
function addOAuth(
  app: FastifyInstance,
  from: {
    context: GatewayContext;
    tokens: Tokens;
    signIn: (request: FastifyRequest) => Promise<Omit<Parameters<Tokens['make']>[0], 'binding' | 'minutes'>>;
  },
): void {
  const { tokens, signIn } = from;
  app.get('/sharing/rest/oauth2/authorize', { config: { anonymous: true } }, async (request, reply) => {
    const { redirect_uri: redirectUri = '', state = '' } = request.query as Record<string, string>;
    if (URL.parse(redirectUri)?.hostname !== request.hostname)
      throw new ArcgisError(400, 'Invalid redirect_uri: it must be on the host that is called.');
    const info = JSON.stringify({ oauth_state: tokens.sealState({ redirectUri, state }) });
    const page = `<!DOCTYPE html>\n<html lang="en"><head><title>Sign in</title><script>\nvar oAuthInfo = ${info};\n</script></head><body>Certferry: sign in with any user name; the password is an API key.</body></html>\n`;
    return await reply.type('text/html; charset=utf-8').send(page);
  });
  for (const path of ['/sharing/oauth2/signin', '/sharing/rest/oauth2/signin']) {
    app.post(path, { config: { anonymous: true, readOnly: true } }, async (request, reply) => {
      const sealed = tokens.openState(field(request, 'oauth_state') ?? '');
      if (!sealed || URL.parse(sealed.redirectUri)?.hostname !== request.hostname)
        throw new ArcgisError(400, 'Invalid oauth_state.');
      const caller = await signIn(request);
      const minutes = readMinutes(field(request, 'expiration'));
      const { token } = await tokens.make({ ...caller, binding: { to: 'anywhere' }, minutes });
      const fragment = new URLSearchParams({
        access_token: token,
        expires_in: String(minutes * 60),
        username: caller.user,
        state: sealed.state,
      });
      return await reply
        .header('cache-control', 'no-store')
        .redirect(`${sealed.redirectUri}#${fragment.toString()}`, 302);
    });
  }
}

/** `client` with what it needs; only a referer given means that too. */
function readBinding(request: FastifyRequest): Binding {
  const client = field(request, 'client')?.toLowerCase() ?? '';
  const referer = field(request, 'referer') ?? '';
  switch (client) {
    case 'requestip':
      return { to: 'ip', value: request.ip };
    case 'ip': {
      const value = field(request, 'ip') ?? '';
      if (value === '') throw new ArcgisError(400, NO_TOKEN, ['client=ip needs ip.']);
      return { to: 'ip', value };
    }
    case 'referer':
    case '':
      if (referer === '' && client !== '') throw new ArcgisError(400, NO_TOKEN, ['client=referer needs referer.']);
      return referer === '' ? { to: 'ip', value: request.ip } : { to: 'referer', value: referer };
    default:
      throw new ArcgisError(400, NO_TOKEN, ['client must be referer, ip or requestip.']);
  }
}
