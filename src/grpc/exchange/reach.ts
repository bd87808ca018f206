/** Tries the address of a node that wants to join. */
import { setTimeout as delay } from "node:timers/promises";
import { status, type ServiceError } from "@grpc/grpc-js";
import { sanitizeText } from "../../base/sanitize-text.ts";
import { endpointText, isLoopback, isOfThisMachine, type Endpoint } from "../endpoint.ts";
import { statusError } from "../receive.ts";
import type { ClientSecurity } from "../security.ts";
import { ExchangeClient } from "./client.ts";
import type { Locality } from "../../exchange/coordinator-state.ts";
import { REACHED, tickOf } from "../../exchange/limits.ts";
import type { ListeningClock } from "../../exchange/machine.ts";

export interface ReachOptions {
  readonly security: (endpoint: Endpoint) => ClientSecurity;
  readonly clock: ListeningClock;
  /** ms of the clock; the node gets half of it, since it waits no longer than all of it for its welcome. */
  readonly deadline: number;
  /** ms, see {@link ExchangeClient}. */
  readonly quiet: number;
}

/** The process at `endpoint`; "" for one that does not tell. */
async function identityAt(endpoint: Endpoint, { security, quiet }: ReachOptions, signal: AbortSignal): Promise<string> {
  const client = new ExchangeClient(endpoint, security(endpoint), quiet);
  try {
    return (await client.identify(signal)).incarnation;
  } catch (error) {
    if ((error as ServiceError).code === status.UNIMPLEMENTED) return "";
    throw error;
  } finally {
    client.close();
  }
}

async function placeOf(endpoint: Endpoint): Promise<Locality> {
  if (isLoopback(endpoint)) return "loopback";
  return (await isOfThisMachine(endpoint)) ? "here" : "elsewhere";
}

/**
 * Calls the process that is to listen at `endpoint`.
 *
 * @param incarnation That it must have; "": any.
 * @param signal Gives up, and rejects.
 * @throws ServiceError NOT_FOUND where another process answers, or none within the limit.
 */
export async function reach(
  endpoint: Endpoint,
  incarnation: string,
  options: ReachOptions,
  signal: AbortSignal,
): Promise<Locality> {
  const { clock, deadline } = options;
  const [until, ended] = [clock.now + REACHED * deadline, new AbortController()];
  const refused = (why: string) =>
    statusError(status.NOT_FOUND, `its address ${endpointText(endpoint)} cannot be used: ${why}`);
  /** Time counts as it does everywhere in the exchange: a step may block this process for longer than the limit. */
  const late = async () => {
    while (clock.now < until) await delay(tickOf(deadline), undefined, { signal: ended.signal });
    throw refused(`no answer within ${(REACHED * deadline) / 1000} s`);
  };
  const tried = async () => {
    const found = await identityAt(endpoint, options, AbortSignal.any([signal, ended.signal])).catch((error: Error) => {
      throw refused(sanitizeText("details" in error ? String(error.details) : error.message, 500));
    });
    if (found !== "" && incarnation !== "" && found !== incarnation) throw refused("another process answers there");
    return placeOf(endpoint);
  };
  try {
    return await Promise.race([tried(), late()]);
  } finally {
    ended.abort();
  }
}
