import { shellQuote } from "../output.ts";
import type { CompletedPath, CompletedWord } from "./spec.ts";

/** A completion script for zsh: put it as _dcs on $fpath, or `source <(dcs completion zsh)` after compinit. */
export function zshCompletion(paths: readonly CompletedPath[]): string {
  const known = paths.map(({ path }) => shellQuote(path)).join(" ");
  const values = paths.flatMap(({ path, flags }) =>
    flags
      .filter(({ takesValue }) => takesValue)
      .flatMap(({ words, values: list }) =>
        words.map(
          (word) =>
            `    (${shellQuote(`${path} ${word}`)}) values=(${list.map(shellQuote).join(" ")}); value=1 ;;`,
        ),
      ),
  );
  const nexts = paths.map(({ path, next, flags }) => {
    const flagWords = flags.flatMap(({ words, summary }) => words.map((word) => ({ word, summary })));
    return `    (${shellQuote(path)}) flags=(${described(flagWords)}); next=(${described(next)}) ;;`;
  });
  return `#compdef dcs
_dcs() {
  local prev=\${words[CURRENT-1]} at='' value='' word known i
  local -a flags next values paths
  paths=(${known})
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    if [[ $word == -- ]]; then _files; return; fi
    for known in "\${paths[@]}"; do
      if [[ $known == "\${at:+$at }$word" ]]; then at=$known; break; fi
    done
  done
  case "$at $prev" in
${values.join("\n")}
  esac
  if [[ -n $value ]]; then
    if ((\${#values})); then compadd -- $values; else _files; fi
    return
  fi
  case $at in
${nexts.join("\n")}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then _describe flag flags; else _describe command next || _files; fi
}
if [[ $funcstack[1] == _dcs ]]; then _dcs "$@"; else compdef _dcs dcs; fi
`;
}

/** Elements of an array for _describe: `word:summary`, a colon in the word escaped. */
function described(words: readonly CompletedWord[]): string {
  return words.map(({ word, summary }) => shellQuote(`${word.replaceAll(":", "\\:")}:${summary}`)).join(" ");
}
