/** The calls of MLflow's REST API that tracking a run needs. @see https://mlflow.org/docs/latest/api_reference/rest-api.html */
import { isPassingStatus } from "../retries.ts";

export interface MlflowMetric {
  readonly key: string;
  /** As text where JSON has no number for it. */
  readonly value: number | "NaN";
  /** ms since 1970. */
  readonly timestamp: number;
  readonly step: number;
}

export interface MlflowPair {
  readonly key: string;
  readonly value: string;
}

/** A run of a server. */
export interface MlflowRun {
  readonly id: string;
  /** When its newest metric was, ms since 1970; 0 without one. */
  readonly since: number;
  /** Names of the parameters that it has. */
  readonly params: readonly string[];
}

export type MlflowStatus = "RUNNING" | "FINISHED" | "FAILED" | "KILLED";

/** An answer that is none of success. */
export class MlflowError extends Error {
  override readonly name = "MlflowError";
  readonly code: string;
  /** The same call may be taken later. */
  readonly passing: boolean;

  constructor(status: number, code: string, text: string) {
    super(`status ${status}${text && `: ${text.split("\n")[0]!.slice(0, 200)}`}`);
    this.code = code;
    this.passing = isPassingStatus(status);
  }
}

interface Found {
  readonly runs?: readonly {
    readonly info: { readonly run_id: string };
    readonly data?: {
      readonly metrics?: readonly { readonly timestamp: number }[];
      readonly params?: readonly { readonly key: string }[];
    };
  }[];
}

/** ms for an answer. */
const LIMIT = 10_000;

/** The headers of MLflow's own clients' variables. */
export function mlflowHeaders(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const { MLFLOW_TRACKING_TOKEN: token, MLFLOW_TRACKING_USERNAME: user, MLFLOW_TRACKING_PASSWORD: password } = env;
  if (user && password) {
    return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
  }
  return token ? { authorization: `Bearer ${token}` } : {};
}

export class MlflowApi {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #signal: AbortSignal;

  /** @param signal Ends calls that are under way. */
  constructor(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal) {
    this.#base = `${url.replace(/\/$/, "")}/api/2.0/mlflow`;
    this.#headers = headers;
    this.#signal = signal;
  }

  /** The id of an experiment, which is made where there is none. */
  async experiment(name: string): Promise<string> {
    try {
      const query = new URLSearchParams({ experiment_name: name });
      const { experiment } = await this.#call<{ experiment: { experiment_id: string } }>(`experiments/get-by-name?${query}`); // prettier-ignore
      return experiment.experiment_id;
    } catch (error) {
      if (!(error instanceof MlflowError) || error.code !== "RESOURCE_DOES_NOT_EXIST") throw error;
    }
    try {
      return (await this.#call<{ experiment_id: string }>("experiments/create", { name })).experiment_id;
    } catch (error) {
      // Another node was quicker.
      if (error instanceof MlflowError && error.code === "RESOURCE_ALREADY_EXISTS") return this.experiment(name);
      throw error;
    }
  }

  /** The run that has these tags; undefined for none. */
  async find(experiment: string, tags: Readonly<Record<string, string>>): Promise<MlflowRun | undefined> {
    const filter = Object.entries(tags).map(([key, value]) => `tags.\`${key}\` = '${value.replaceAll("'", "''")}'`);
    const query = { experiment_ids: [experiment], filter: filter.join(" and "), max_results: 1 };
    const [run] = (await this.#call<Found>("runs/search", query)).runs ?? [];
    if (!run) return undefined;
    const since = (run.data?.metrics ?? []).reduce((newest, { timestamp }) => Math.max(newest, Number(timestamp)), 0);
    return { id: run.info.run_id, since, params: (run.data?.params ?? []).map(({ key }) => key) };
  }

  async create(experiment: string, name: string, start: number, tags: readonly MlflowPair[]): Promise<MlflowRun> {
    const body = { experiment_id: experiment, run_name: name, start_time: start, tags };
    const { run } = await this.#call<{ run: { info: { run_id: string } } }>("runs/create", body);
    return { id: run.info.run_id, since: 0, params: [] };
  }

  /** Adds at most 1000 metrics, 100 parameters and 100 tags. */
  async log(
    id: string,
    what: { metrics?: readonly MlflowMetric[]; params?: readonly MlflowPair[]; tags?: readonly MlflowPair[] },
  ): Promise<void> {
    // prettier-ignore
    await this.#call("runs/log-batch", { run_id: id, ...what });
  }

  /** @param end When it ended, ms since 1970; undefined while it runs. */
  async setStatus(id: string, status: MlflowStatus, end: number | undefined): Promise<void> {
    await this.#call("runs/update", { run_id: id, status, ...(end !== undefined && { end_time: end }) });
  }

  async #call<T>(path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.#base}/${path}`, {
      method: body ? "POST" : "GET",
      headers: { "content-type": "application/json", ...this.#headers },
      signal: AbortSignal.any([this.#signal, AbortSignal.timeout(LIMIT)]),
      redirect: "error",
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (response.ok) return (text === "" ? {} : JSON.parse(text)) as T;
    let told: { error_code?: string; message?: string } = {};
    try {
      told = JSON.parse(text) as typeof told;
    } catch {
      // A proxy's page says nothing more than its status.
    }
    throw new MlflowError(response.status, told.error_code ?? "", told.message ?? "");
  }
}
