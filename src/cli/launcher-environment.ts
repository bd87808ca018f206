/** The place that a launcher has given this process among others, read from its environment variables. */
import { UsageError } from "../base/errors.ts";
import { expandNodeList } from "./slurm-nodelist.ts";

export interface Launcher {
  readonly kind: "slurm" | "kubernetes" | "mpi" | "torchrun";
  /** Number from 0 to `world` - 1; rank 0 is the coordinator. */
  readonly rank: number;
  /** Processes in all, 2 or more. */
  readonly world: number;
  /** Among the processes of this machine, from 0; absent where the launcher does not tell. */
  readonly localRank?: number;
  /** Host at which rank 0 is reached. */
  readonly coordinatorHost: string;
  /** Port of rank 0; absent: the launcher has no opinion. */
  readonly port?: number;
  /** Name under which the others reach this machine, which a certificate can vouch for; absent: by its address. */
  readonly ownHost?: string;
}

type Variables = Readonly<Record<string, string | undefined>>;

const FLAGS = "or use the command line, which takes precedence: --listen or --join, --world, --rank";

/** @throws UsageError when the variable is there and is no whole number from `least` to `most`. */
function whole(env: Variables, name: string, least: number, most = 2 ** 31): number | undefined {
  const text = env[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  const range = most === 2 ** 31 ? `from ${least}` : `from ${least} to ${most}`;
  throw new UsageError(`${name}=${text}: expected a whole number ${range}`, `correct or unset it, ${FLAGS}`);
}

function missing(name: string, known: string, how: string): UsageError {
  return new UsageError(`${known} is set, but ${name} is not`, `${how}, ${FLAGS}`);
}

/** Names of the variables of one launcher. */
interface Names {
  readonly kind: Launcher["kind"];
  readonly rank: string;
  readonly world: string;
  readonly localRank?: string;
}

const TORCHRUN = { kind: "torchrun", rank: "RANK", world: "WORLD_SIZE", localRank: "LOCAL_RANK" } as const;
const OPEN_MPI = {
  kind: "mpi",
  rank: "OMPI_COMM_WORLD_RANK",
  world: "OMPI_COMM_WORLD_SIZE",
  localRank: "OMPI_COMM_WORLD_LOCAL_RANK",
} as const;
const PMI = { kind: "mpi", rank: "PMI_RANK", world: "PMI_SIZE", localRank: "MPI_LOCALRANKID" } as const;
const SLURM = { kind: "slurm", rank: "SLURM_PROCID", world: "SLURM_NTASKS", localRank: "SLURM_LOCALID" } as const;
const KUBERNETES = { kind: "kubernetes", rank: "JOB_COMPLETION_INDEX", world: "WORLD_SIZE" } as const;

/**
 * The innermost launcher that has started this process: mpirun and torchrun run inside the steps of Slurm and the pods
 * of Kubernetes.
 */
function innermost(env: Variables): Names | undefined {
  // Without a step this is the batch script or an interactive shell of the job: one process, whatever SLURM_NTASKS
  // says.
  const step = env["SLURM_STEP_ID"] !== undefined;
  // srun --mpi=pmi2 sets the variables of PMI too; under mpiexec its own ranks are those of the helpers of mpiexec.
  const srun = step && (env["PMI_RANK"] ?? env["SLURM_PROCID"]) === env["SLURM_PROCID"];
  if (env["RANK"] !== undefined) return TORCHRUN;
  if (env["OMPI_COMM_WORLD_RANK"] !== undefined) return OPEN_MPI;
  if (srun && (env["PMI_SIZE"] ?? env["SLURM_NTASKS"]) === env["SLURM_NTASKS"]) return SLURM;
  if (env["PMI_RANK"] !== undefined) return PMI;
  if (env["JOB_COMPLETION_INDEX"] !== undefined) return KUBERNETES;
  if (env["PMIX_RANK"] === undefined || step) return undefined;
  throw missing("the number of processes", "PMIX_RANK", "start with mpirun or srun");
}

const HOW_WORLD: Readonly<Record<Launcher["kind"], string>> = {
  kubernetes: "set it to spec.completions in the manifest (1: every pod trains alone)",
  slurm: "start with srun",
  mpi: "start with mpirun or mpiexec",
  torchrun: "start with torchrun, or unset RANK",
};

/** Computes the rank in a JobSet with several Jobs, whose pods are numbered one Job after another. */
function rankInJobSet(env: Variables, world: number, index: number): number {
  const job = whole(env, "JOBSET_JOB_INDEX", 0);
  if (job === undefined) return index;
  const jobs = whole(env, "JOBSET_REPLICAS", 1);
  if (jobs === undefined) throw missing("JOBSET_REPLICAS", "JOBSET_JOB_INDEX", "set it as deploy/kubernetes does");
  const pods = world / jobs;
  if (Number.isInteger(pods) && job < jobs && index < pods) return job * pods + index;
  throw new UsageError(
    `JOBSET_JOB_INDEX=${job}, JOBSET_REPLICAS=${jobs}, JOB_COMPLETION_INDEX=${index} and WORLD_SIZE=${world} contradict each other`,
    `WORLD_SIZE must be replicas times completions, ${FLAGS}`,
  );
}

/** True when all processes are on this machine, as far as the launcher tells. */
const onOneMachine = (env: Variables, { rank }: Names, world: number) =>
  (rank === SLURM.rank && env["SLURM_STEP_NUM_NODES"] === "1") ||
  (rank === OPEN_MPI.rank && env["OMPI_COMM_WORLD_LOCAL_SIZE"] === String(world)) ||
  (rank === PMI.rank && env["MPI_LOCALNRANKS"] === String(world));

function coordinatorHost(env: Variables, names: Names, world: number): string {
  const given = env["MASTER_ADDR"];
  if (given) return given;
  if (onOneMachine(env, names, world)) return "127.0.0.1";
  const nodes =
    names.kind === "slurm" || names.kind === "mpi"
      ? (names.kind === "slurm" && env["SLURM_STEP_NODELIST"]) || env["SLURM_JOB_NODELIST"]
      : undefined;
  if (nodes) return expandNodeList(nodes)[0]!;
  const pod = (env["HOSTNAME"] ?? "JOB-0").replace(/-\d+$/, "-0");
  const how = {
    kubernetes: `set it in the manifest to the first pod's name under the headless service, as ${pod}.SERVICE`,
    slurm: "start with srun, which sets SLURM_STEP_NODELIST",
    mpi: "name the host of rank 0, for example mpirun -x MASTER_ADDR=HOST or mpiexec -genv MASTER_ADDR HOST",
    torchrun: "start with torchrun, or name the host of rank 0",
  };
  throw missing("MASTER_ADDR", names.rank, how[names.kind]);
}

/** Slurm's name of the node; the pod's beside that of the first one. */
function ownHost(env: Variables, kind: Launcher["kind"], coordinator: string): string | undefined {
  if (coordinator === "127.0.0.1") return undefined;
  if (kind === "slurm") return env["SLURMD_NODENAME"];
  const domain = coordinator.indexOf(".");
  if (kind !== "kubernetes" || !env["HOSTNAME"] || domain < 0) return undefined;
  return env["HOSTNAME"] + coordinator.slice(domain);
}

/** Outside the ports that Linux gives to clients, 32768 to 60999. */
const portOfJob = (job: number) => 61440 + (job % 4096);

function portOf(env: Variables, kind: Launcher["kind"]): number | undefined {
  const given = whole(env, "MASTER_PORT", 1, 65534);
  if (given !== undefined)
    return kind === "torchrun" && env["TORCHELASTIC_USE_AGENT_STORE"] === "True" ? given + 1 : given;
  const job = kind === "slurm" ? whole(env, "SLURM_JOB_ID", 0) : undefined;
  return job === undefined ? undefined : portOfJob(job);
}

/**
 * Reads the variables that Slurm (`srun`), Kubernetes (Indexed Job, JobSet), MPI (Open MPI; MPICH and Intel MPI by PMI)
 * and torchrun set. `MASTER_ADDR` and `MASTER_PORT` name rank 0's address under all of them; under torchrun, whose own
 * store listens at `MASTER_PORT`, the port after it is taken. Explicit flags win: the caller asks here only without them.
 *
 * @returns undefined for a process that is alone: without a launcher, or with a world of 1.
 * @throws UsageError naming the variable, when some are missing, are no numbers or contradict each other.
 * @see srun(1), "Output environment variables"; Open MPI 5 documentation, section 11.1; Kubernetes documentation,
 *   "Job with Pod-to-Pod Communication"; PyTorch documentation, "torchrun (Elastic Launch)"
 */
export function launcherEnvironment(env: Variables): Launcher | undefined {
  const names = innermost(env);
  if (!names) return undefined;
  const { kind } = names;
  const world = whole(env, names.world, 1);
  if (world === undefined) throw missing(names.world, names.rank, HOW_WORLD[kind]);
  const number = whole(env, names.rank, 0)!;
  const rank = kind === "kubernetes" ? rankInJobSet(env, world, number) : number;
  const localRank = names.localRank === undefined ? undefined : whole(env, names.localRank, 0);
  if (rank >= world || (localRank ?? 0) >= world) {
    const name = rank >= world ? names.rank : names.localRank;
    throw new UsageError(
      `${name}=${rank >= world ? rank : localRank} and ${names.world}=${world} contradict each other: ranks end at ${world - 1}`,
      `correct them, ${FLAGS}`,
    );
  }
  if (world === 1) return undefined;
  const port = portOf(env, kind);
  const coordinator = coordinatorHost(env, names, world);
  const own = ownHost(env, kind, coordinator);
  return {
    kind,
    rank,
    world,
    ...(localRank !== undefined && { localRank }),
    coordinatorHost: coordinator,
    ...(port !== undefined && { port }),
    ...(own && { ownHost: own }),
  };
}
