/** Converts {@link ServerSecurity} and {@link ClientSecurity} to the credentials of grpc-js. */
import { createHash, timingSafeEqual } from "node:crypto";
import {
  credentials,
  Metadata,
  ResponderBuilder,
  ServerCredentials,
  ServerInterceptingCall,
  ServerListenerBuilder,
  status,
  type ChannelCredentials,
  type ServerInterceptor,
} from "@grpc/grpc-js";
import { secretOf } from "../base/authorization.ts";
import type { ClientSecurity, ServerSecurity } from "./security.ts";

/** The metadata key, as HTTP has it. */
const HEADER = "authorization";

/** The messages for a client without a token, and for one with a wrong token. */
const NEEDED = "a token is needed: authorization: Bearer TOKEN";
const WRONG = "the token is wrong: give this server's with --token-file FILE or SCORESTREAM_TOKEN";

/** Start of the paths of the health service. */
const HEALTH = "/grpc.health.v1.Health/";

const digest = (text: string) => createHash("sha256").update(text).digest();

/** @throws Error when certificate and key are no PEM or do not fit. */
export function serverCredentials({ tls }: ServerSecurity): ServerCredentials {
  if (!tls) return ServerCredentials.createInsecure();
  const pair = { cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) };
  return ServerCredentials.createSsl(tls.clientCa ? Buffer.from(tls.clientCa) : null, [pair], Boolean(tls.clientCa));
}

export function channelCredentials({ tls }: ClientSecurity): ChannelCredentials {
  if (!tls) return credentials.createInsecure();
  const { ca, own } = tls;
  const pair = own ? ([Buffer.from(own.key), Buffer.from(own.cert)] as const) : ([] as const);
  return credentials.createSsl(ca ? Buffer.from(ca) : null, ...pair);
}

/** The metadata that a client sends with each call. */
export function clientMetadata({ token }: ClientSecurity): Metadata {
  const metadata = new Metadata();
  if (token) metadata.set(HEADER, `Bearer ${token}`);
  return metadata;
}

/**
 * Lets only calls with the token through; the others end with UNAUTHENTICATED before they are read. The health of the
 * server, which says nothing else, needs no token: Kubernetes' own probes have none.
 *
 * @param onRefused Told the address of the client and the method.
 */
export function tokenInterceptor(token: string, onRefused: (peer: string, path: string) => void): ServerInterceptor {
  const expected = digest(token);
  return ({ path }, call) => {
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, next) => {
        const [header] = metadata.get(HEADER);
        if (path.startsWith(HEALTH)) return next(metadata);
        const given = secretOf(header === undefined ? undefined : String(header));
        // Digests: of one length, so that the time tells nothing.
        if (given !== undefined && timingSafeEqual(digest(given), expected)) return next(metadata);
        onRefused(call.getPeer(), path);
        const details = given === undefined ? NEEDED : WRONG;
        call.sendStatus({ code: status.UNAUTHENTICATED, details });
      })
      .build();
    return new ServerInterceptingCall(call, new ResponderBuilder().withStart((next) => next(listener)).build());
  };
}
