/** The manifests of deploy/kubernetes against the schemas of the Kubernetes releases, and against each other. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { program } from "../../src/cli/options.ts";
import { launcherEnvironment } from "../../src/cli/launcher-environment.ts";
import { pythonWith } from "../support/python.ts";

const folder = fileURLToPath(new URL("../../deploy/kubernetes/", import.meta.url));

interface Container {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts: readonly { readonly name: string }[];
}

interface JobSpec {
  readonly completions: number;
  readonly parallelism: number;
  readonly template: {
    readonly metadata: { readonly labels: Record<string, string> };
    readonly spec: {
      readonly subdomain?: string;
      readonly containers: readonly [Container];
      readonly volumes: readonly { readonly name: string }[];
    };
  };
}

interface Manifest<Spec> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Spec;
}

interface JobSetSpec {
  readonly network: { readonly subdomain: string };
  readonly replicatedJobs: readonly [
    { readonly name: string; readonly replicas: number; readonly template: { readonly spec: JobSpec } },
  ];
}

const python = () => pythonWith("kubernetes-validate==1.37.0");

function read<Spec>(file: string): Manifest<Spec> {
  const { stdout, stderr } = python().run("import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))", join(folder, file)); // prettier-ignore
  expect(stderr).toBe("");
  return JSON.parse(stdout) as Manifest<Spec>;
}

/** What the schema of a release says against each manifest; "" for nothing. */
function complaints(manifests: readonly object[], version: string): string[] {
  const { stdout, stderr } = python().run(
    `import json, sys, kubernetes_validate
def complaint(manifest):
    try:
        kubernetes_validate.validate(manifest, sys.argv[2], strict=True)
        return ""
    except kubernetes_validate.ValidationError as error:
        return error.message
print(json.dumps([complaint(manifest) for manifest in json.loads(sys.argv[1])]))`,
    JSON.stringify(manifests),
    version,
  );
  expect(stderr).toBe("");
  return JSON.parse(stdout) as string[];
}

const FILES = ["job.yaml", "service.yaml", "pdb.yaml", "pvc.yaml", "networkpolicy.yaml"];

/** The Job that JobSet makes of its template. */
function jobOf({ spec }: Manifest<JobSetSpec>): Manifest<JobSpec> {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "made" },
    spec: spec.replicatedJobs[0].template.spec,
  };
}

describe("deploy/kubernetes", { timeout: 120_000 }, () => {
  it.each(["1.31", "1.37"])("keeps to the schema of Kubernetes %s", (version) => {
    const manifests = [...FILES.map((file) => read(file)), jobOf(read("jobset.yaml"))];
    expect(complaints(manifests, version)).toEqual(manifests.map(() => ""));
  });

  it("would not, with a wrong type or an unknown field", () => {
    const job = read<JobSpec>("job.yaml");
    const wrong = [{ completions: "four" }, { complitions: 4 }].map((change) => ({
      ...job,
      spec: { ...job.spec, ...change },
    }));
    const [type, field] = complaints(wrong, "1.37");
    expect(type).toContain("four");
    expect(field).toContain("complitions");
  });

  it("has no merge keys, which kubectl takes for keys given twice", () => {
    for (const file of [...FILES, "jobset.yaml"]) expect(readFileSync(join(folder, file), "utf8")).not.toContain("<<:");
  });

  it("names everything alike", () => {
    const job = read<JobSpec>("job.yaml");
    const service = read<{ selector: object; ports: [{ port: number; targetPort: string }] }>("service.yaml");
    const budget = read<{ minAvailable: number; selector: { matchLabels: object } }>("pdb.yaml");
    const policy = read<{ podSelector: { matchLabels: object } }>("networkpolicy.yaml");
    const { template, completions, parallelism } = job.spec;
    expect(parallelism).toBe(completions);
    expect(template.spec.subdomain).toBe(service.metadata.name);
    const { labels } = template.metadata;
    for (const selector of [
      service.spec.selector,
      budget.spec.selector.matchLabels,
      policy.spec.podSelector.matchLabels,
    ]) {
      expect(selector).toEqual(labels);
    }
    expect(budget.spec.minAvailable).toBe(completions - 1);
    const [container] = template.spec.containers;
    const { port, targetPort } = service.spec.ports[0];
    expect(container.ports).toEqual([{ name: targetPort, containerPort: port }]);
    expect(container.env).toContainEqual({ name: "MASTER_PORT", value: String(port) });
  });

  it("gives each pod its place", () => {
    const job = read<JobSpec>("job.yaml");
    const { completions, template } = job.spec;
    const { env } = template.spec.containers[0];
    const value = (text = "") => text.replace("$(POD_NAMESPACE)", "research");
    const variables = Object.fromEntries(env.map(({ name, value: text }) => [name, value(text)]));
    const { name } = job.metadata;
    const domain = `${template.spec.subdomain}.research.svc.cluster.local`;
    expect(launcherEnvironment({ ...variables, JOB_COMPLETION_INDEX: "3", HOSTNAME: `${name}-3` })).toEqual({
      kind: "kubernetes",
      rank: 3,
      world: completions,
      coordinatorHost: `${name}-0.${domain}`,
      ownHost: `${name}-3.${domain}`,
      port: 50051,
    });
  });

  it("gives each pod of the JobSet its place", () => {
    const { spec } = read<JobSetSpec>("jobset.yaml");
    const [{ replicas, template }] = spec.replicatedJobs;
    const { env } = template.spec.template.spec.containers[0];
    const annotation = (name: string) => ({
      fieldRef: { fieldPath: `metadata.annotations['jobset.sigs.k8s.io/${name}']` },
    });
    expect(env).toEqual([
      { name: "WORLD_SIZE", value: String(replicas * template.spec.completions) },
      { name: "POD_NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
      { name: "COORDINATOR", valueFrom: annotation("coordinator") },
      { name: "MASTER_ADDR", value: "$(COORDINATOR).$(POD_NAMESPACE).svc.cluster.local" },
      { name: "MASTER_PORT", value: "50051" },
      { name: "JOBSET_JOB_INDEX", valueFrom: annotation("job-index") },
      { name: "JOBSET_REPLICAS", valueFrom: annotation("replicatedjob-replicas") },
    ]);
  });

  it.each([
    ["job.yaml", () => read<JobSpec>("job.yaml")],
    ["jobset.yaml", () => jobOf(read("jobset.yaml"))],
  ])("%s calls the program as it is", (_file, job) => {
    const { completions, template } = job().spec;
    const { containers, volumes } = template.spec;
    const [{ args, volumeMounts, name }] = containers;
    const known = program().options.map(({ long }) => long);
    const given = args.slice(1).map((argument) => argument.replace(/=.*/, ""));
    expect(given.filter((option) => !known.includes(option))).toEqual([]);
    const shards = args.find((argument) => argument.startsWith("--set=training.shards="));
    expect(Number(shards?.split("=").at(-1))).toBeGreaterThanOrEqual(completions);
    expect(volumeMounts.map((mount) => mount.name)).toEqual(volumes.map((volume) => volume.name));
    expect(name).toBe("scorestream");
  });

  it("applies what it validates", () => {
    const kustomization = readFileSync(join(folder, "kustomization.yaml"), "utf8");
    expect([...kustomization.matchAll(/^ {2}- (\S+\.yaml)$/gm)].map(([, file]) => file)).toEqual(FILES);
  });
});
