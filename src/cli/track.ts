/** The experiment tracker of a run, on the command line. */
import { UsageError } from "../base/errors.ts";
import { webAddress } from "./web-address.ts";

const FORM = /^mlflow:(.+)$/;

/** Reads "mlflow:URL". @returns The server's address. @throws UsageError for anything else. */
export function parseTrack(text: string, insecure: boolean | undefined): string {
  const [, address] = FORM.exec(text) ?? [];
  const example = "--track mlflow:http://127.0.0.1:5000";
  if (address !== undefined) return webAddress("--track", address, insecure, example);
  throw new UsageError(`--track ${text}: there is no such tracker`, `use mlflow:URL, for example ${example}`);
}
