/**
 * Completion scripts of the shells. A script calls `buck2-oras complete -- WORD…` and offers the printed candidates.
 *
 * The scripts of `@bomb.sh/tab` make the shell evaluate the command line: pressing Tab runs a `$(…)`, and truncates the
 * file after a `>`. The scripts here only pass words as arguments. A candidate that a shell could read as more than a
 * word is dropped. Without candidates, the shell completes files as usual.
 */

/** Pattern of a candidate in the syntax of all four shells; the characters need no quotes. */
const candidate = "[A-Za-z0-9][A-Za-z0-9_.-]*|--?[A-Za-z0-9][A-Za-z0-9-]*";

/**
 * Supports bash 3.2 (macOS), without the package bash-completion. bash splits words at `=` and `:`; the script joins
 * the parts. Redirections and their files are not arguments.
 */
const bash = `# bash completion for buck2-oras
__buck2_oras_complete() {
    local -a args=()
    local word value rest prefix="" glue="" cur="" index
    local valid='^(${candidate})$'
    COMPREPLY=()
    for (( index = 1; index <= COMP_CWORD; index++ )); do
        word=\${COMP_WORDS[index]}
        if [[ $word =~ ^[0-9]*(\\<|\\>|\\&\\>|\\<\\>|\\>\\>|\\>\\||\\&\\>\\>|\\<\\<\\<|\\>\\&|\\<\\&)$ ]]; then
            # A redirection: its operator and its file are not arguments.
            (( index++ ))
            (( index < COMP_CWORD )) || return 0
            continue
        fi
        if [[ $word == [:=] && \${#args[@]} -gt 0 ]]; then
            args[\${#args[@]}-1]+=$word
            glue=yes
        elif [[ -n $glue ]]; then
            args[\${#args[@]}-1]+=$word
            glue=""
        else
            args+=("$word")
        fi
    done
    cur=\${args[\${#args[@]}-1]-}
    if [[ $cur == --*=* ]]; then
        # bash replaces only the text after the last character that splits words.
        [[ $COMP_WORDBREAKS == *=* ]] || prefix=\${cur%%=*}=
        value=\${cur#*=}
        args[\${#args[@]}-1]=\${cur%%=*}
        args+=("$value")
        cur=$value
    fi
    while IFS=$'\\t' read -r value rest; do
        [[ $value =~ $valid && $value == "$cur"* ]] && COMPREPLY+=("$prefix$value")
    done < <(buck2-oras complete -- "\${args[@]}" 2>/dev/null </dev/null)
    return 0
}
complete -o bashdefault -o default -F __buck2_oras_complete buck2-oras
`;

const zsh = `#compdef buck2-oras
# zsh completion for buck2-oras
_buck2_oras() {
    emulate -L zsh -o extended_glob
    local -a args values described
    local line value cur
    args=("\${(@)words[2,CURRENT-1]}")
    cur=$PREFIX
    if [[ $cur == --*=* ]]; then
        args+=("\${cur%%=*}" "\${cur#*=}")
        compset -P '--[^=]##='
    else
        args+=("$cur")
    fi
    for line in "\${(@f)$(buck2-oras complete -- "\${args[@]}" 2>/dev/null </dev/null)}"; do
        value=\${line%%$'\\t'*}
        [[ $value =~ '^(${candidate})$' ]] || continue
        values+=("$value")
        described+=("\${value}:\${line#*$'\\t'}")
    done
    if (( \${#values} )); then
        _describe -t buck2-oras 'buck2-oras' described values && return 0
    fi
    _files
}
# Autoloaded from fpath, this file completes at once; sourced, this file registers the function.
if [[ \${funcstack[1]-} == _buck2_oras || \${funcstack[1]-} == _buck2-oras ]]; then
    _buck2_oras "$@"
else
    compdef _buck2_oras buck2-oras
fi
`;

const fish = `# fish completion for buck2-oras
function __buck2_oras_offer
    set -l args (commandline -opc)
    set -e args[1]
    set -l cur (commandline -ct)
    set -l prefix ""
    if string match -q -- '--*=*' "$cur"
        set -l parts (string split -m 1 -- '=' "$cur")
        set prefix "$parts[1]="
        set -a args $parts[1]
        set cur "$parts[2]"
    end
    set -g __buck2_oras_offered
    for line in (buck2-oras complete -- $args "$cur" 2>/dev/null </dev/null)
        string match -q -r -- '^(${candidate})(\\t|$)' "$line"
        and set -a __buck2_oras_offered "$prefix$line"
    end
    test (count $__buck2_oras_offered) -gt 0
end
function __buck2_oras_offered
    printf '%s\\n' $__buck2_oras_offered
end
complete -c buck2-oras -e
complete -c buck2-oras -n __buck2_oras_offer -f -a '(__buck2_oras_offered)'
`;

/** PowerShell before 7.3 drops an empty argument of a program; two quotes in its place arrive as an empty argument. */
const powershell = `# PowerShell completion for buck2-oras
Register-ArgumentCompleter -Native -CommandName 'buck2-oras' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.Extent.Text })
    $current = [string]$wordToComplete
    $prefix = ''
    if ($current -like '--*=*') {
        $name, $current = $current.Split('=', 2)
        $prefix = "$name="
        $words += $name
    }
    $last = $current
    $isLegacy = $PSVersionTable.PSVersion -lt [version]'7.3' -or $PSNativeCommandArgumentPassing -eq 'Legacy'
    if ($last -eq '' -and $isLegacy) { $last = '""' }
    $words += $last
    & buck2-oras complete '--' @words 2>$null | ForEach-Object {
        $value, $description = $_.Split([char]9, 2)
        if ($value -cnotmatch '^(${candidate})$' -or -not $value.StartsWith($current)) { return }
        if (-not $description) { $description = $value }
        [System.Management.Automation.CompletionResult]::new("$prefix$value", $value, 'ParameterValue', $description)
    }
}
`;

/** Scripts by shell name, as in `completion SHELL`. */
export const completionScripts: ReadonlyMap<string, string> = new Map([
  ["bash", bash],
  ["zsh", zsh],
  ["fish", fish],
  ["powershell", powershell],
]);
