"""`oras_toolchain`: the `buck2-oras` that fetches artifacts, and the machines that may run it."""

load(":common.bzl", "common_attributes")
load(":info.bzl", "OrasArtifactInfo")

FETCH_KINDS = ["auto", "native", "process"]

# The worker itself limits the transfers, by the setting `concurrency`; without a number, Buck2 sends one request at a time.
_MAX_REQUESTS = 64

OrasToolchainInfo = provider(
    doc = """The command `cli` that fetches and unpacks artifacts, `extract_locally`: whether only this machine may unpack, `pull_locally`: whether only this machine may pull, `fetch`: who
    fetches blobs, `has_sha256`: whether Buck2 knows files by their SHA-256, and `worker`: the process that pulls share.""",
    fields = {
        "cli": provider_field(RunInfo),
        "extract_locally": provider_field(bool),
        "fetch": provider_field(str),
        "has_sha256": provider_field(bool),
        "pull_locally": provider_field(bool),
        "worker": provider_field(WorkerInfo | None),
    },
)

def has_sha256(algorithms: str) -> bool:
    """Whether a file with a known SHA-256 has a known digest. Buck2 prefers SHA-1 where both are allowed."""
    names = [name.strip().upper() for name in algorithms.split(",")]
    return "SHA256" in names and "SHA1" not in names

# The default of Buck2's open-source build.
digest_algorithms_attribute = attrs.default_only(attrs.string(default = read_root_config("buck2", "digest_algorithms", "SHA256")))

def _workers_can_run(ctx: AnalysisContext) -> bool:
    """Whether workers may unpack. A fetched executable of one platform needs no Node."""
    if ctx.attrs.workers_can_run != None:
        return ctx.attrs.workers_can_run
    fetched = ctx.attrs.cli.get(OrasArtifactInfo)
    return fetched != None and fetched.platform != None

def _fetch(ctx: AnalysisContext) -> str:
    """Who fetches blobs: the attribute, else the configuration. Checked here, so that a wrong word fails the toolchain, and no package that loads it."""
    word = ctx.attrs.fetch or ctx.attrs._configured_fetch
    if word not in FETCH_KINDS:
        fail("`fetch = {}` in the section `oras` of the root cell's configuration is not known: set it to one of {}, or remove the line".format(
            word,
            ", ".join(["`{}`".format(kind) for kind in FETCH_KINDS]),
        ))
    return word

def _oras_toolchain_impl(ctx: AnalysisContext) -> list[Provider]:
    cli = cmd_args(ctx.attrs.cli[RunInfo], ctx.attrs.options)

    # The worker is this instance: all artifacts of the toolchain share one process.
    worker = WorkerInfo(concurrency = _MAX_REQUESTS, exe = cmd_args(cli, "worker")) if ctx.attrs.worker else None
    return [
        DefaultInfo(),
        OrasToolchainInfo(
            cli = RunInfo(args = cli),
            extract_locally = not (_workers_can_run(ctx) or ctx.attrs.workers_can_pull),
            fetch = _fetch(ctx),
            has_sha256 = has_sha256(ctx.attrs._digest_algorithms),
            pull_locally = not ctx.attrs.workers_can_pull,
            worker = worker,
        ),
    ]

oras_toolchain = rule(
    doc = "Toolchain of `oras_artifact` and `oras_tool`. Declare a target `oras` in the cell `toolchains`.",
    impl = _oras_toolchain_impl,
    is_toolchain_rule = True,
    attrs = common_attributes | {
        # Resolves in the cell of this file, under any name that the consumer gives the cell.
        "cli": attrs.exec_dep(
            default = "//tools:oras",
            providers = [RunInfo],
            doc = """The executable `buck2-oras`: the one of these rules, which needs Node; or a standalone one, such as an `oras_tool` with
            `fetch = "native"`.""",
        ),
        "fetch": attrs.option(
            attrs.enum(FETCH_KINDS),
            default = None,
            doc = """Who fetches blobs. `process`: `buck2-oras`, with its store for all checkouts, logins, mirrors and resumed transfers. `native`:
            Buck2 itself, by a plain GET, where the registry asks for no login; a warning names the others. Remote execution without local
            actions needs `native`, or a place for pulls (docs/remote-execution.md). `auto` is `process`: such a
            build outlives a registry that is down and a connection that breaks, and a second checkout downloads nothing (Choice of fetch, in
            docs/rules.md). The default is `fetch` in the section `oras` of the root cell's configuration, else `auto`.""",
        ),
        "options": attrs.list(
            attrs.arg(),
            default = [],
            doc = "Global options of every call, such as `--ca-file=…`. Pass no secrets: the options enter the digest of the actions.",
        ),
        "worker": attrs.bool(
            default = True,
            doc = """Whether pulls share one process, a persistent worker, on execution platforms with `use_persistent_workers = True`. On other
            platforms, and on Windows, each pull is a process. See docs/workers.md.""",
        ),
        "workers_can_pull": attrs.bool(
            default = False,
            doc = """Whether remote execution workers have what pulls need: Node (unless `cli` is standalone), the network, and logins of their own
            (docs/remote-execution.md). If so, blobs may be fetched there.""",
        ),
        "workers_can_run": attrs.option(
            attrs.bool(),
            default = None,
            doc = """Whether remote execution workers can run `cli`. If so, the workers unpack archives. The default is `True` for a standalone
            `cli` that is an `oras_tool`, and `False` for the one of these rules, which needs Node. `buck2-oras` fetches blobs on the machine that
            builds, which has the network and the credentials, unless `workers_can_pull`.""",
        ),
        "_configured_fetch": attrs.default_only(attrs.string(default = read_root_config("oras", "fetch", "auto"))),
        "_digest_algorithms": digest_algorithms_attribute,
    },
)
