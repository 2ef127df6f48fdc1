"""Shows what `buck2-oras` reports (code, causes, hint) in Buck2's own output and build report."""

# As `src/cli/report.ts` writes it; the codes of compilers, such as rustc's `E0425`, have one letter.
_REPORT = "^error\\[[A-Z][A-Z][A-Z0-9_]*\\]: "

def _field(line: str, name: str) -> str | None:
    prefix = "  {}: ".format(name)
    return line.removeprefix(prefix).strip() if line.startswith(prefix) else None

def oras_error_handler(ctx: ActionErrorCtx) -> list[ActionSubError]:
    """One sub-error for each `error[CODE]: …` on stderr: the category is the code, the remediation is the hint.

    Nothing is made of other output: Buck2 shows it as it is.
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
            show_in_stderr = True,
        )
        for report in reports
    ]
