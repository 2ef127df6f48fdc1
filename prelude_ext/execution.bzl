"""`local_with_workers`: execution on this machine, with persistent workers."""

load(":platforms.bzl", "HOST_PLATFORM")

def _local_with_workers_impl(ctx: AnalysisContext) -> list[Provider]:
    registration = ctx.attrs.platform[ExecutionPlatformRegistrationInfo]
    executor_config = CommandExecutorConfig(
        local_enabled = True,
        remote_enabled = False,
        use_persistent_workers = True,
        use_windows_path_separators = host_info().os.is_windows,
    )
    platforms = [
        ExecutionPlatformInfo(
            label = ctx.label.raw_target(),
            configuration = platform.configuration,
            executor_config = executor_config,
        )
        for platform in registration.platforms
    ]
    return [
        DefaultInfo(),
        ExecutionPlatformRegistrationInfo(
            exec_marker_constraint = registration.exec_marker_constraint,
            platforms = platforms,
        ),
    ]

local_with_workers = rule(
    doc = "The execution platform of another target, on this machine and with persistent workers, for `execution_platforms` of the configuration.",
    impl = _local_with_workers_impl,
    attrs = {
        "platform": attrs.dep(
            default = HOST_PLATFORM,
            providers = [ExecutionPlatformRegistrationInfo],
            doc = "The execution platform without workers.",
        ),
    },
)
