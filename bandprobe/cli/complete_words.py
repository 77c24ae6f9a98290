"""Print a script that lets a shell complete commands and options with the Tab key.

The script has what this version knows: commands, their options, and the choices of options. Names
of a study (models, layers, figures) are not completed.
"""

from __future__ import annotations

import argparse

from bandprobe.cli.shared import described

EXAMPLES = """
bandprobe completion bash > ~/.local/share/bash-completion/completions/bandprobe
bandprobe completion zsh >> ~/.zshrc
"""
SHELLS = ("bash", "zsh")
# Both complete by it: zsh has an emulation.
SCRIPT = """\
_bandprobe() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}"
  local command="${{COMP_WORDS[1]}}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="{commands} --help --version"
  else
    case "$command $before" in
{choices}
      *)
        case "$command" in
{options}
        esac ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -o default -F _bandprobe bandprobe
"""


def parser() -> argparse.ArgumentParser:
    """The options of `bandprobe completion`."""
    options = described(__doc__, "bandprobe completion", EXAMPLES)
    options.add_argument("shell", choices=SHELLS, help="the shell that completes")
    return options


def execute(arguments: argparse.Namespace) -> None:
    """Print the script of a shell."""
    if arguments.shell == "zsh":
        print("autoload -U +X compinit bashcompinit && compinit && bashcompinit")
    print(script(), end="")


def script() -> str:
    """Functions of bash that complete what each command takes."""
    from bandprobe.cli.main import COMMANDS

    options, choices = [], []
    for name, command in COMMANDS.items():
        words = []
        for action in command.load().parser()._actions:
            long = [option for option in action.option_strings if option.startswith("--")]
            words += long
            if action.choices:
                values = " ".join(map(str, action.choices))
                choices += [f'      "{name} {option}") words="{values}" ;;' for option in long]
                words += [] if long else map(str, action.choices)
        options.append(f'          {name}) words="{" ".join(words)}" ;;')
    return SCRIPT.format(
        commands=" ".join(COMMANDS), options="\n".join(options), choices="\n".join(choices)
    )
