"""Brings the code, causes and hint of a `buck2-oras` error into Buck2's build report."""

# First line of a report by `src/cli/report.ts`. Two leading letters exclude compiler codes such as rustc's `E0425`.
_REPORT = "^error\\[[A-Z][A-Z][A-Z0-9_]*\\]: "

def _field(line: str, name: str) -> str | None:
    prefix = "  {}: ".format(name)
    return line.removeprefix(prefix).strip() if line.startswith(prefix) else None

def oras_error_handler(ctx: ActionErrorCtx) -> list[ActionSubError]:
    """Makes one sub-error of each `error[CODE]: …` on stderr. Its category is the code, its remediation the hint.

    Other output makes no sub-error. Buck2 shows all of stderr unchanged, so a sub-error is not shown once more.
    """
    reports = []
    for line in ctx.stderr.splitlines():
        if regex_match(_REPORT, line):
            code, _, message = line.removeprefix("error[").partition("]: ")
            reports.append({"code": code, "hint": None, "message": [message]})
        elif reports:
            report = reports[-1]
            cause = _field(line, "cause")
            hint = _field(line, "hint")
            if cause != None:
                report["message"].append("  cause: " + cause)
            elif hint != None:
                report["hint"] = hint
    return [
        ctx.new_sub_error(
            category = report["code"],
            message = "\n".join(report["message"]),
            remediation = report["hint"],
        )
        for report in reports
    ]
