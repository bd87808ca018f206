import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { launcherEnvironment, type Launcher } from "../../src/cli/launcher-environment.ts";
import { UsageError } from "../../src/base/errors.ts";
import { pythonWith } from "../support/python.ts";
import { temporaryFolder } from "./fixture.ts";

type Variables = Record<string, string>;

/** srun(1), "Output environment variables": four tasks on two nodes. */
const srun: Variables = {
  SLURM_JOB_ID: "4097",
  SLURM_STEP_ID: "0",
  SLURM_PROCID: "3",
  SLURM_NTASKS: "4",
  SLURM_LOCALID: "1",
  SLURM_STEP_NUM_NODES: "2",
  SLURM_JOB_NODELIST: "node[01-03,07]",
  SLURM_STEP_NODELIST: "node[03,07]",
  SLURMD_NODENAME: "node07",
};

/** Kubernetes documentation, "Job with Pod-to-Pod Communication"; WORLD_SIZE and MASTER_ADDR from the manifest. */
const indexedJob: Variables = {
  JOB_COMPLETION_INDEX: "2",
  HOSTNAME: "example-job-2",
  WORLD_SIZE: "3",
  MASTER_ADDR: "example-job-0.headless-svc",
};

/** JobSet documentation, "coordinator": two Jobs of two pods; the annotations by the downward API. */
const jobSet: Variables = {
  JOB_COMPLETION_INDEX: "1",
  JOBSET_JOB_INDEX: "1",
  JOBSET_REPLICAS: "2",
  WORLD_SIZE: "4",
  MASTER_ADDR: "coordinator-example-workers-0-0.coordinator-example",
  MASTER_PORT: "50051",
};

/** Open MPI documentation, 11.1 "Environment variables set for MPI applications". */
const openMpi: Variables = {
  OMPI_COMM_WORLD_RANK: "5",
  OMPI_COMM_WORLD_SIZE: "8",
  OMPI_COMM_WORLD_LOCAL_RANK: "1",
  OMPI_COMM_WORLD_LOCAL_SIZE: "4",
  PMIX_RANK: "5",
};

/** MPICH documentation, "Using the Hydra Process Manager"; Intel MPI has the same. */
const hydra: Variables = { PMI_RANK: "1", PMI_SIZE: "2", MPI_LOCALRANKID: "1", MPI_LOCALNRANKS: "2" };

/** PyTorch documentation, "torchrun (Elastic Launch)", "Environment Variables". */
const torchrun: Variables = {
  RANK: "9",
  WORLD_SIZE: "16",
  LOCAL_RANK: "1",
  LOCAL_WORLD_SIZE: "8",
  MASTER_ADDR: "node7.example.org",
  MASTER_PORT: "29500",
};

describe("launcherEnvironment", () => {
  it.each<[string, Variables, Launcher]>([
    [
      "srun",
      srun,
      { kind: "slurm", rank: 3, world: 4, localRank: 1, coordinatorHost: "node03", port: 61441, ownHost: "node07" },
    ],
    [
      "srun on one node",
      { ...srun, SLURM_STEP_NUM_NODES: "1" },
      { kind: "slurm", rank: 3, world: 4, localRank: 1, coordinatorHost: "127.0.0.1", port: 61441 },
    ],
    [
      "srun, address given in the batch script",
      { ...srun, MASTER_ADDR: "10.0.0.3", MASTER_PORT: "7000", WORLD_SIZE: "4" },
      { kind: "slurm", rank: 3, world: 4, localRank: 1, coordinatorHost: "10.0.0.3", port: 7000, ownHost: "node07" },
    ],
    [
      "srun --mpi=pmi2",
      { ...srun, PMI_RANK: "3", PMI_SIZE: "4" },
      { kind: "slurm", rank: 3, world: 4, localRank: 1, coordinatorHost: "node03", port: 61441, ownHost: "node07" },
    ],
    [
      "mpirun",
      { ...openMpi, MASTER_ADDR: "h" },
      { kind: "mpi", rank: 5, world: 8, localRank: 1, coordinatorHost: "h" },
    ],
    [
      "mpirun on one machine",
      { ...openMpi, OMPI_COMM_WORLD_LOCAL_SIZE: "8" },
      { kind: "mpi", rank: 5, world: 8, localRank: 1, coordinatorHost: "127.0.0.1" },
    ],
    [
      "mpirun in a Slurm job, whose step is that of mpirun's helpers",
      { ...srun, SLURM_PROCID: "1", SLURM_NTASKS: "2", ...openMpi },
      { kind: "mpi", rank: 5, world: 8, localRank: 1, coordinatorHost: "node01" },
    ],
    ["mpiexec", hydra, { kind: "mpi", rank: 1, world: 2, localRank: 1, coordinatorHost: "127.0.0.1" }],
    [
      "mpiexec in a Slurm job",
      { ...srun, ...hydra, SLURM_PROCID: "0", MPI_LOCALNRANKS: "1" },
      { kind: "mpi", rank: 1, world: 2, localRank: 1, coordinatorHost: "node01" },
    ],
    [
      "torchrun",
      torchrun,
      { kind: "torchrun", rank: 9, world: 16, localRank: 1, coordinatorHost: "node7.example.org", port: 29500 },
    ],
    [
      "torchrun whose store listens at its port, in a Slurm step",
      { ...srun, ...torchrun, TORCHELASTIC_USE_AGENT_STORE: "True" },
      { kind: "torchrun", rank: 9, world: 16, localRank: 1, coordinatorHost: "node7.example.org", port: 29501 },
    ],
    [
      "an Indexed Job",
      indexedJob,
      {
        kind: "kubernetes",
        rank: 2,
        world: 3,
        coordinatorHost: "example-job-0.headless-svc",
        ownHost: "example-job-2.headless-svc",
      },
    ],
    [
      "a JobSet",
      jobSet,
      {
        kind: "kubernetes",
        rank: 3,
        world: 4,
        coordinatorHost: "coordinator-example-workers-0-0.coordinator-example",
        port: 50051,
      },
    ],
  ])("%s", (_name, env, launcher) => expect(launcherEnvironment(env)).toEqual(launcher));

  it.each<[string, Variables]>([
    ["nothing", {}],
    ["a batch script before srun", { SLURM_JOB_ID: "1", SLURM_PROCID: "0", SLURM_NTASKS: "8", SLURM_LOCALID: "0" }],
    ["one task", { ...srun, SLURM_NTASKS: "1", SLURM_PROCID: "0", SLURM_LOCALID: "0" }],
    ["one pod", { JOB_COMPLETION_INDEX: "0", WORLD_SIZE: "1" }],
    ["one process of MPI", { OMPI_COMM_WORLD_RANK: "0", OMPI_COMM_WORLD_SIZE: "1" }],
    ["an address that nobody uses", { MASTER_ADDR: "h", MASTER_PORT: "29500", WORLD_SIZE: "4" }],
    [
      "a step of PMIx with one task",
      { ...srun, PMIX_RANK: "0", SLURM_NTASKS: "1", SLURM_PROCID: "0", SLURM_LOCALID: "0" },
    ],
  ])("%s: alone", (_name, env) => expect(launcherEnvironment(env)).toBeUndefined());

  const without = (env: Variables, ...names: string[]) =>
    Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));

  it.each<[string, Variables, string]>([
    ["WORLD_SIZE", without(torchrun, "WORLD_SIZE"), "start with torchrun, or unset RANK"],
    ["MASTER_ADDR", without(torchrun, "MASTER_ADDR"), "name the host of rank 0"],
    ["WORLD_SIZE", without(indexedJob, "WORLD_SIZE"), "spec.completions"],
    ["MASTER_ADDR", without(indexedJob, "MASTER_ADDR"), "as example-job-0.SERVICE"],
    ["JOBSET_REPLICAS", without(jobSet, "JOBSET_REPLICAS"), "deploy/kubernetes"],
    ["OMPI_COMM_WORLD_SIZE", { OMPI_COMM_WORLD_RANK: "0" }, "start with mpirun"],
    ["MASTER_ADDR", openMpi, "mpirun -x MASTER_ADDR=HOST"],
    ["PMI_SIZE", { PMI_RANK: "0" }, "mpiexec"],
    ["SLURM_NTASKS", without(srun, "SLURM_NTASKS"), "start with srun"],
    ["MASTER_ADDR", without(srun, "SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"), "srun"],
    ["the number of processes", { PMIX_RANK: "0" }, "start with mpirun or srun"],
  ])("misses %s", (name, env, remedy) => {
    const error = failure(env);
    expect(error.message).toContain(`${name} is not`);
    expect(error.remedy).toContain(remedy);
    expect(error.remedy).toContain("--world, --rank");
  });

  it.each<[string, Variables]>([
    ["SLURM_PROCID=4 and SLURM_NTASKS=4 contradict", { ...srun, SLURM_PROCID: "4" }],
    ["SLURM_LOCALID=4 and SLURM_NTASKS=4 contradict", { ...srun, SLURM_LOCALID: "4" }],
    ["RANK=-1: expected a whole number from 0", { ...torchrun, RANK: "-1" }],
    ["RANK=: expected a whole number", { ...torchrun, RANK: "" }],
    ["WORLD_SIZE=two: expected a whole number from 1", { ...torchrun, WORLD_SIZE: "two" }],
    ["WORLD_SIZE=0: expected a whole number from 1", { ...torchrun, WORLD_SIZE: "0" }],
    ["MASTER_PORT=70000: expected a whole number from 1 to 65534", { ...torchrun, MASTER_PORT: "70000" }],
    ["JOBSET_JOB_INDEX=2, JOBSET_REPLICAS=2", { ...jobSet, JOBSET_JOB_INDEX: "2" }],
    ["WORLD_SIZE=5 contradict each other", { ...jobSet, WORLD_SIZE: "5" }],
    ["JOB_COMPLETION_INDEX=3 and WORLD_SIZE=3 contradict", { ...indexedJob, JOB_COMPLETION_INDEX: "3" }],
    ['node list "node[01"', { ...srun, SLURM_STEP_NODELIST: "node[01" }],
  ])("refuses %s", (text, env) => expect(failure(env).message).toContain(text));

  it("says the same as the process manager of MPICH", { timeout: 120_000 }, () => {
    const { env } = pythonWith("mpich==5.0.2");
    const out = join(temporaryFolder(), "rank");
    const variables = ["PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"];
    const script = `echo ${variables.map((name) => `"$${name}"`).join(" ")} > ${out}$PMI_RANK`;
    const { status, stderr } = spawnSync(join(env["PYTHONPATH"]!, "bin", "mpiexec"), ["-n", "3", "sh", "-c", script], {
      encoding: "utf8",
    });
    expect(status, stderr).toBe(0);
    const places = [0, 1, 2].map((rank) => {
      const values = readFileSync(`${out}${rank}`, "utf8").trim().split(" ");
      return launcherEnvironment(Object.fromEntries(variables.map((name, i) => [name, values[i]!])));
    });
    expect(places).toEqual(
      [0, 1, 2].map((rank) => ({ kind: "mpi", rank, world: 3, localRank: rank, coordinatorHost: "127.0.0.1" })),
    );
  });
});

function failure(env: Variables): UsageError {
  try {
    launcherEnvironment(env);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error("no error");
}
