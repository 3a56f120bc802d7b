import { shellQuote } from "../output.ts";
import type { CompletedPath } from "./spec.ts";

/** A completion script for bash: `source <(dcs completion bash)`. */
export function bashCompletion(paths: readonly CompletedPath[]): string {
  const known = paths.map(({ path }) => shellQuote(path)).join(" ");
  const values = paths.flatMap(({ path, flags }) =>
    flags
      .filter(({ takesValue }) => takesValue)
      .flatMap(({ words, values: list }) =>
        words.map(
          (word) => `    ${shellQuote(`${path} ${word}`)}) words=${shellQuote(list.join(" "))}; value=1 ;;`,
        ),
      ),
  );
  const nexts = paths.map(({ path, next, flags }) => {
    const flagWords = flags.flatMap(({ words }) => words.filter((word) => word.startsWith("--"))).join(" ");
    const nextWords = next.map(({ word }) => word).join(" ");
    return `    ${shellQuote(path)}) flags=${shellQuote(flagWords)}; next=${shellQuote(nextWords)} ;;`;
  });
  return `# bash completion for dcs: source <(dcs completion bash)
_dcs() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path= flags= next= words= value= word i known
  # bash splits --flag=value at the sign.
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  local -a paths=(${known})
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    [[ $word == -- ]] && return
    for known in "\${paths[@]}"; do
      [[ $known == "\${path:+$path }$word" ]] && path=$known && break
    done
  done
  case "$path $prev" in
${values.join("\n")}
  esac
  case $path in
${nexts.join("\n")}
  esac
  if [[ -z $value ]]; then
    if [[ $cur == -* ]]; then words=$flags; else words=$next; fi
  fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _dcs dcs
`;
}
